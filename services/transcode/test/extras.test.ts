// Everything beside the segments of a generation, of a real source, by real ffmpeg, on real stores.
import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
import { GenerationRequestedSchema } from '@kerkis/contracts/catalog/events';
import { DownloadFormat, LoudnessSchema, ProfileSchema, TrackKind } from '@kerkis/contracts/media';
import { ChunkState, JobState } from '@kerkis/contracts/transcode';
import { type JobFinished, JobFinishedSchema, JobPlannedSchema } from '@kerkis/contracts/transcode/events';
import { newId } from '@kerkis/ids';
import { locateMediaTools } from '@kerkis/media';
import { fromConnectError } from '@kerkis/rpc';
import { makeMedia, waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTranscodeMesh, type TranscodeMesh } from './transcode-mesh.ts';

const run = promisify(execFile);
const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let directory: string;
let objects: TranscodeMesh['objects'];
let jobs: TranscodeMesh['jobs'];
let segments: TranscodeMesh['segments'];
let tools: Awaited<ReturnType<typeof locateMediaTools>>;
let tell: TranscodeMesh['tell'];
const finishedEvents: JobFinished[] = [];
const offered = new Map<string, string[]>();

beforeAll(async () => {
  tools = await locateMediaTools({});
  const started = stack.use(await startTranscodeMesh({ leaseSeconds: 5, maxAttempts: 2 }));
  ({ directory, objects, jobs, segments, tell } = started);
  started.hear(JobFinishedSchema, (message) => finishedEvents.push(message));
  started.hear(JobPlannedSchema, ({ jobId, tracks }) => {
    offered.set(
      jobId,
      tracks.filter((track) => track.offered).map(({ name }) => name),
    );
  });
});

/** Four seconds of film with English and German subtitles, and a third one in which nothing is said. */
async function subtitled(): Promise<string> {
  const film = await makeMedia('extras', { seconds: 4, video: { width: 320, height: 180 } });
  const cues = { eng: ['Good evening', '<i>Really?</i>'], deu: ['Guten Abend'], fra: [] };
  const texts = Object.entries(cues).map(([language, lines]) => ({
    path: join(directory, `${language}.srt`),
    text: lines
      .map((line, i) => `${i + 1}\n00:00:0${i + 1},000 --> 00:00:0${i + 1},900\n${line}\n`)
      .join('\n'),
  }));
  for (const { path, text } of texts.slice(0, 2)) await writeFile(path, text);
  await writeFile(texts[2]?.path ?? '', '1\n00:00:01,000 --> 00:00:02,000\n<i></i>\n');
  const path = join(directory, 'subtitled.mkv');
  await run(tools.ffmpeg, [
    ...['-v', 'error', '-nostdin', '-y', '-i', film, ...texts.flatMap((each) => ['-i', each.path])],
    ...['-map', '0', '-map', '1', '-map', '2', '-map', '3', '-c', 'copy', '-c:s', 'srt'],
    ...Object.keys(cues).flatMap((language, i) => [`-metadata:s:s:${i}`, `language=${language}`]),
    path,
  ]);
  return path;
}

const everything = {
  storyboard: true,
  waveform: true,
  quality: true,
  downloads: [DownloadFormat.MP4, DownloadFormat.M4A, DownloadFormat.MP3].map((format) => ({ format })),
};

const profile = (extras: MessageInitShape<typeof ProfileSchema>['extras']) =>
  create(ProfileSchema, {
    name: 'test',
    preset: 'ultrafast',
    segmentMs: 1000,
    renditions: [{ shortSide: 180, noRemux: true }, { shortSide: 96 }],
    audios: [{ bitrateBps: 64_000 }],
    ...(extras && { extras }),
  });

async function request(
  file: string,
  extras: MessageInitShape<typeof ProfileSchema>['extras'] = undefined,
  {
    generationId = newId('gen'),
    assetId = newId('ast'),
    loudness = undefined as MessageInitShape<typeof ProfileSchema>['loudness'],
  } = {},
) {
  const objectKey = `sources/${assetId}/${newId('upl')}`;
  await objects.put(objectKey, createReadStream(file));
  await tell(GenerationRequestedSchema, {
    assetId,
    generationId,
    source: { objectKey },
    profile: { ...profile(extras), ...(loudness && { loudness: create(LoudnessSchema, loudness) }) },
  });
  const prefix = `media/${assetId}/${generationId}/`;
  return { assetId, generationId, prefix, jobId: `job_${generationId.slice(4)}` };
}

async function finishedJob(jobId: string): Promise<JobFinished> {
  await waitUntil(() => finishedEvents.some((each) => each.jobId === jobId), { timeoutMs: 50_000 });
  const found = finishedEvents.find((each) => each.jobId === jobId);
  if (!found) throw new Error('the job is not finished');
  return found;
}

async function keysBesideTracks(prefix: string): Promise<string[]> {
  const all = await Array.fromAsync(objects.list(prefix));
  const keys = all.map(({ key }) => key.slice(prefix.length));
  return keys.filter((key) => !key.startsWith('video/') && !key.startsWith('audio/'));
}

const bytesOf = async (key: string) => Buffer.from(await objects.getBytes(key, { maxBytes: 10_000_000 }));

async function probed(key: string) {
  const path = join(directory, key.replaceAll('/', '_'));
  await writeFile(path, await bytesOf(key));
  const { stdout } = await run(tools.ffprobe, [
    ...['-v', 'error', '-of', 'json', '-show_entries', 'format=duration:stream=codec_name,height', path],
  ]);
  return JSON.parse(stdout);
}

test('a generation gets everything that its profile asks for, and its job tells of it', async () => {
  const { prefix, jobId } = await request(await subtitled(), everything);
  const done = await finishedJob(jobId);
  expect(await keysBesideTracks(prefix)).toEqual([
    'downloads/180p.mp4',
    'downloads/audio.m4a',
    'downloads/audio.mp3',
    'images/poster.jpg',
    'images/storyboard-1.jpg',
    'images/waveform.json',
    'text/de.vtt',
    'text/en.vtt',
  ]);
  expect(done.hasPoster).toBe(true);
  expect(done.artefacts).toMatchObject({
    poster: true,
    waveform: true,
    storyboard: { intervalMs: 1000n, tileCount: expect.any(Number), tileWidth: 160, rows: 1 },
  });
  for (const { name, sizeBytes, contentType } of done.artefacts?.downloads ?? []) {
    const stored = await objects.head(`${prefix}downloads/${name}`);
    expect([name, Number(sizeBytes), contentType]).toEqual([
      name,
      stored?.sizeBytes,
      expect.stringMatching(/^(?:video|audio)\//),
    ]);
  }
  const encoded = done.tracks.filter(({ kind }) => kind === TrackKind.VIDEO);
  for (const { quality } of encoded) {
    expect(quality?.segmentCount).toBe(1);
    expect(quality?.psnrDb).toBeGreaterThan(20);
    expect(quality?.psnrDb).toBeLessThan(100);
    expect(quality?.ssim).toBeGreaterThan(0.8);
  }
  expect(encoded).toHaveLength(2);
  const texts = done.tracks.filter(({ kind }) => kind === TrackKind.TEXT);
  expect(texts).toMatchObject([
    { name: 'text/en', complete: true, offered: true, text: { language: 'en' } },
    { name: 'text/de', complete: true, offered: true, text: { language: 'de' } },
  ]);
  expect(done.artefacts?.iframes).toMatchObject({ track: 'video/h264-180p' });
  const { ranges } = JSON.parse((await bytesOf(`${prefix}video/h264-180p/iframes.json`)).toString());
  const { segments: runs } = encoded.find(({ name }) => name === 'video/h264-180p') ?? { segments: [] };
  expect(ranges).toHaveLength(runs.reduce((sum, { count }) => sum + count, 0));
  const second = await bytesOf(`${prefix}video/h264-180p/2.m4s`);
  expect(second.toString('latin1', ranges[1][0] + 4, ranges[1][0] + 8)).toBe('moof');
  const english = (await bytesOf(`${prefix}text/en.vtt`)).toString();
  expect(english).toMatch(/^00:00:0[01]\.\d{3} --> 00:00:01\.\d{3}\nGood evening$/m);
  expect(english).toContain('<i>Really?</i>');
  const waveform = JSON.parse((await bytesOf(`${prefix}images/waveform.json`)).toString());
  expect(waveform.data).toHaveLength(waveform.length * 2);
  const mp4 = await probed(`${prefix}downloads/180p.mp4`);
  expect(mp4.streams).toMatchObject([{ codec_name: 'h264', height: 180 }, { codec_name: 'aac' }]);
  expect(Number(mp4.format.duration)).toBeCloseTo(4, 0);
  expect((await probed(`${prefix}downloads/audio.mp3`)).streams).toMatchObject([{ codec_name: 'mp3' }]);
  expect((await probed(`${prefix}images/storyboard-1.jpg`)).streams).toMatchObject([
    { codec_name: 'mjpeg', height: 90 },
  ]);
  const { chunks } = await jobs.listChunks({ jobId });
  const side = chunks.filter(({ sideWork }) => sideWork !== '');
  expect(side.every(({ state, attempts }) => state === ChunkState.FINISHED && attempts === 1)).toBe(true);
  expect(offered.get(jobId)).toEqual(['video/h264-96p', expect.stringMatching(/^audio\//)]);
});

test('nothing is made that a profile does not want', async () => {
  const unwanted = { noPoster: true, noText: true, noIframes: true, quality: false };
  const { prefix, jobId } = await request(await subtitled(), unwanted);
  const done = await finishedJob(jobId);
  expect(await keysBesideTracks(prefix)).toEqual([]);
  expect(done).toMatchObject({ hasPoster: false, artefacts: { poster: false, waveform: false } });
  expect(done.artefacts?.iframes).toBeUndefined();
  expect(done.tracks.map(({ kind }) => kind)).not.toContain(TrackKind.TEXT);
  expect(done.tracks.some(({ quality }) => quality)).toBe(false);
});

test('what cannot be made is absent, and the job is finished all the same', async () => {
  const [assetId, generationId] = [newId('ast'), newId('gen')];
  // A directory lies where the poster should be.
  await objects.put(`media/${assetId}/${generationId}/images/poster.jpg/x`, Buffer.alloc(1));
  const film = await makeMedia('extras', { seconds: 4, video: { width: 320, height: 180 } });
  const { jobId } = await request(film, { waveform: true }, { generationId, assetId });
  const done = await finishedJob(jobId);
  expect(done).toMatchObject({ hasPoster: false, artefacts: { poster: false, waveform: true } });
  const { job } = await jobs.getJob({ jobId });
  expect(job).toMatchObject({ state: JobState.FINISHED, finishedChunkCount: job?.chunkCount });
  const { chunks } = await jobs.listChunks({ jobId });
  const dead = chunks.filter(({ state }) => state === ChunkState.DEAD);
  expect(dead).toMatchObject([{ sideWork: 'poster', failure: { reason: expect.any(String) } }]);
});

test('a picture at a time is made once for all who ask, also when the job is finished', async () => {
  const film = await makeMedia('extras', { seconds: 4, video: { width: 320, height: 180 } });
  const { generationId, prefix, jobId } = await request(film);
  await finishedJob(jobId);
  const wanted = { generationId, timeMs: 2_500n, width: 160 };
  const answers = await Promise.all([segments.ensureThumbnail(wanted), segments.ensureThumbnail(wanted)]);
  const objectKey = `${prefix}images/thumbnail-2500-160.jpg`;
  expect(answers).toMatchObject([{ objectKey }, { objectKey }]);
  expect((await probed(objectKey)).streams).toMatchObject([{ codec_name: 'mjpeg', height: 90 }]);
  const { chunks } = await jobs.listChunks({ jobId });
  expect(chunks.filter(({ sideWork }) => sideWork === 'thumbnail')).toEqual([]);
  const beyond = await segments.ensureThumbnail({ generationId, timeMs: 60_000n }).then(
    () => undefined,
    (error: unknown) => fromConnectError(ConnectError.from(error)),
  );
  expect(beyond).toMatchObject({ kind: 'not_found', reason: 'PICTURE_NOT_AVAILABLE' });
  expect(await segments.ensureThumbnail(wanted)).toMatchObject({ objectKey });
});

test('sound is brought to the loudness that its profile wants', async () => {
  const film = await makeMedia('extras', { seconds: 4, video: { width: 320, height: 180 } });
  const downloads = [DownloadFormat.M4A, DownloadFormat.MP3].map((format) => ({ format }));
  const loudness = { integratedLufs: -36 };
  const { prefix, jobId } = await request(film, { downloads }, { loudness });
  await finishedJob(jobId);
  for (const name of ['audio.m4a', 'audio.mp3']) {
    const path = join(directory, name);
    await writeFile(path, await bytesOf(`${prefix}downloads/${name}`));
    const meter = ['-nostats', '-i', path, '-af', 'ebur128', '-f', 'null', '-'];
    const { stderr } = await run(tools.ffmpeg, ['-nostdin', '-hide_banner', ...meter]);
    const [, integrated] = /Integrated loudness:\s+I:\s+(-[\d.]+) LUFS/.exec(stderr) ?? [];
    expect(Math.abs(Number(integrated) + 36)).toBeLessThan(1);
  }
});
