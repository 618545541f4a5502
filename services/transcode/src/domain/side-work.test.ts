import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  DownloadFormat,
  ExtrasSchema,
  LadderMode,
  ProfileSchema,
  TrackKind,
  VideoCodec,
} from '@kerkis/contracts/media';
import { ChunkClass, ChunkState } from '@kerkis/contracts/transcode';
import type { MediaPlan, SubtitleSource } from '@kerkis/media';
import { expect, test } from 'vitest';
import { exampleJob, examplePlan } from '../../test/example-plan.ts';
import type { ChunkRecord } from './chunk.ts';
import { countSide, withQualities, withTexts } from './count-side.ts';
import { encodingProfile } from './encoding-profile.ts';
import { sideChunk } from './new-chunk.ts';
import { planDownloads } from './plan-downloads.ts';
import { type SideResult, type SideWork, sideWorkOf } from './side-work.ts';
import { plannedTracks } from './tracks.ts';

const subtitle = (index: number, language: string): SubtitleSource => ({
  index,
  codec: 'mov_text',
  isText: true,
  language,
  isDefault: false,
  isForced: false,
});
const film = examplePlan({ seconds: 40, hasVideo: true, hasAudio: true, segmentMs: 1000 });
const subtitled: MediaPlan = {
  ...film,
  source: { ...film.source, subtitles: [subtitle(2, 'eng'), subtitle(3, 'deu')] },
};
const song = examplePlan({ seconds: 40, hasVideo: false, hasAudio: true, segmentMs: 1000 });
const everything = create(ExtrasSchema, {
  storyboard: true,
  waveform: true,
  quality: true,
  downloads: [DownloadFormat.MP4, DownloadFormat.M4A, DownloadFormat.MP3].map((format) => ({ format })),
});
const profileOf = (extras = create(ExtrasSchema)) => create(ProfileSchema, { name: 'test', extras });
const kinds = (plan: MediaPlan, extras = create(ExtrasSchema)) =>
  sideWorkOf(plan, encodingProfile(profileOf({ ...extras, quality: false }))).map(({ work }) => [
    work.kind,
    work.name,
    work.needs,
  ]);
const sound = `audio/${film.ladder.audio[0]?.name}`;

test('a source gets a poster and its text, and sound alone its waveform, unless the profile says no', () => {
  const iframes = ['iframes', '', ['video/h264-180p']];
  expect(kinds(film)).toEqual([['poster', '', []], iframes]);
  expect(kinds(subtitled)).toEqual([['poster', '', []], ['text', '', []], iframes]);
  expect(kinds(song)).toEqual([['waveform', '', []]]);
  expect(kinds(subtitled, create(ExtrasSchema, { noPoster: true, noText: true, noIframes: true }))).toEqual(
    [],
  );
});

test('everything that can be asked for, with the tracks that it is made of', () => {
  expect(kinds(subtitled, everything)).toEqual([
    ['poster', '', []],
    ['text', '', []],
    ['waveform', '', []],
    ['storyboard', '', ['video/h264-96p']],
    ['iframes', '', ['video/h264-180p']],
    ['download', '180p.mp4', ['video/h264-180p', sound]],
    ['download', 'audio.m4a', [sound]],
    ['download', 'audio.mp3', []],
  ]);
  expect(kinds(song, everything)).toEqual([
    ['waveform', '', []],
    ['download', 'audio.m4a', [sound]],
    ['download', 'audio.mp3', []],
  ]);
  const classes = (plan: MediaPlan) =>
    new Set(sideWorkOf(plan, encodingProfile(profileOf(everything))).map((each) => each.class));
  expect([...classes(subtitled)]).toEqual([ChunkClass.HEAD]);
  const long = { ...subtitled, source: { ...subtitled.source, durationSeconds: 301 } };
  expect([...classes(long)]).toEqual([ChunkClass.BULK]);
});

test('each encoded track is compared with the source when it is complete, with ladders per title or on request', () => {
  const qualities = (request: MessageInitShape<typeof ProfileSchema>) =>
    sideWorkOf(film, encodingProfile(create(ProfileSchema, { name: 'test', ...request }))).filter(
      ({ work }) => work.kind === 'quality',
    );
  expect(qualities({})).toEqual([]);
  expect(qualities({ ladderMode: LadderMode.PER_TITLE, extras: { quality: false } })).toEqual([]);
  const works = qualities({ extras: { quality: true } });
  expect(qualities({ ladderMode: LadderMode.PER_TITLE })).toEqual(works);
  const names = ['video/h264-180p', 'video/h264-96p'];
  expect(works).toEqual(
    names.map((track) => ({
      work: { kind: 'quality', name: track, needs: [track], track },
      class: ChunkClass.HEAD,
    })),
  );
});

test('a download has the rung that is asked for or the next lower one, and H.264 where there is any', () => {
  const rungs = [{ shortSide: 180 }, { shortSide: 96 }, { shortSide: 360, codec: VideoCodec.AV1 }];
  const plan = examplePlan({ seconds: 4, hasVideo: true, hasAudio: false, segmentMs: 1000 }, rungs);
  const names = (...heights: (number | undefined)[]) =>
    planDownloads(
      plan,
      heights.map((height) => ({ format: 'mp4', ...(height && { height }) })),
    ).map(({ name, needs }) => [name, ...needs]);
  expect(names(undefined)).toEqual([['180p.mp4', 'video/h264-180p']]);
  expect(names(360, 180, 100)).toEqual([
    ['180p.mp4', 'video/h264-180p'],
    ['96p.mp4', 'video/h264-96p'],
  ]);
  expect(names(50)).toEqual([['96p.mp4', 'video/h264-96p']]);
});

const job = { ...exampleJob(), plan: subtitled, profile: profileOf(everything) };

/** The side work of the job, ended or not, as `outcome` says. */
function records(outcome: (work: SideWork) => Partial<ChunkRecord> & { state: ChunkState }): ChunkRecord[] {
  return sideWorkOf(subtitled, encodingProfile(job.profile)).map((each, place) => {
    const record = sideChunk(job, each, place);
    const { state, ...rest } = outcome(each.work);
    return { ...record, ...rest, chunk: { ...record.chunk, state } };
  });
}

function resultOf({ kind, name }: SideWork): SideResult {
  switch (kind) {
    case 'storyboard': {
      const shape = { tileCount: 40, tileWidth: 160, tileHeight: 90, columns: 10, rows: 4 };
      return { kind, storyboard: { intervalMs: 1000, ...shape } };
    }
    case 'text':
      return { kind, tracks: [{ name: 'text/de', sizeBytes: 500 }] };
    case 'download':
      return { kind, name, contentType: 'video/mp4', sizeBytes: 7 };
    case 'look':
      throw new Error('no plan asks for it');
    case 'quality':
      return { kind, track: name, psnrDb: 42, ssim: 0.99, segmentCount: 3 };
    case 'iframes':
      return { kind, track: 'video/h264-180p', peakBandwidthBps: 3, averageBandwidthBps: 2 };
    default:
      return { kind };
  }
}

test('what was made is told, and what died is not there', () => {
  const made = countSide(
    job,
    records((work) =>
      work.kind === 'poster' || work.name === 'audio.m4a'
        ? { state: ChunkState.DEAD }
        : { state: ChunkState.FINISHED, sideResult: resultOf(work) },
    ),
  );
  expect(made).toMatchObject({ isMissing: false, hasEnded: true });
  expect(made.artefacts).toMatchObject({
    poster: false,
    waveform: true,
    storyboard: { intervalMs: 1000n, tileCount: 40 },
    iframes: { track: 'video/h264-180p', peakBandwidthBps: 3n, averageBandwidthBps: 2n },
  });
  expect(made.artefacts.downloads.map(({ name, sizeBytes }) => [name, sizeBytes])).toEqual([
    ['180p.mp4', 7n],
    ['audio.mp3', 7n],
  ]);
  // Nothing is ever shown in the other one.
  expect(made.texts).toMatchObject([
    { name: 'text/de', kind: TrackKind.TEXT, complete: true, offered: true, averageBandwidthBps: 100n },
  ]);
});

test('side work has not ended while one is at work or missing', () => {
  const all = records(() => ({ state: ChunkState.FINISHED }));
  expect(countSide(job, all)).toMatchObject({ isMissing: false, hasEnded: true });
  expect(countSide(job, all.slice(1))).toMatchObject({ isMissing: true, hasEnded: false });
  const atWork = records(({ kind }) => ({
    state: kind === 'text' ? ChunkState.RUNNING : ChunkState.FINISHED,
  }));
  expect(countSide(job, atWork)).toMatchObject({ isMissing: false, hasEnded: false });
  // What a former plan asked for holds up nobody.
  const former = { ...job, profile: profileOf(create(ExtrasSchema, { noText: true })) };
  expect(countSide(former, atWork)).toMatchObject({ isMissing: false, hasEnded: true });
});

test('text tracks are added once', () => {
  const { texts } = countSide(
    job,
    records((work) => ({ state: ChunkState.FINISHED, sideResult: resultOf(work) })),
  );
  const tracks = withTexts(job.tracks, texts);
  expect(tracks.map(({ name }) => name)).toEqual(['text/de']);
  expect(withTexts(tracks, texts)).toBe(tracks);
});

test('a measured quality goes to its track, once', () => {
  const { qualities } = countSide(
    job,
    records((work) =>
      work.name === 'video/h264-180p'
        ? { state: ChunkState.DEAD }
        : { state: ChunkState.FINISHED, sideResult: resultOf(work) },
    ),
  );
  const tracks = withQualities(plannedTracks(film), qualities);
  expect(tracks.map(({ name, quality }) => [name, quality?.psnrDb])).toEqual([
    ['video/h264-180p', undefined],
    ['video/h264-96p', 42],
    [sound, undefined],
  ]);
  expect(withQualities(tracks, qualities)).toBe(tracks);
});
