import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { boxesIn, childAt } from '../src/cmaf/box.ts';
import {
  audioSegmentRuns,
  type MediaPlan,
  makeDownload,
  makeMp3,
  type SegmentedTrack,
  videoSegmentRuns,
} from '../src/index.ts';
import {
  type EncodedTrack,
  encode,
  ffmpeg,
  ffprobe,
  pictures,
  plan,
  settings,
  temporaryFolder,
  tone,
  unitsOf,
  x264,
} from './samples.ts';
import { audioSamples, noiseRatio } from './sound.ts';

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());
const at = (name: string) => join(folder.path, name);

describe('MP4 and M4A', () => {
  let media: MediaPlan;
  let encoded: { video: EncodedTrack; audio: EncodedTrack };
  let video: SegmentedTrack;
  let audio: SegmentedTrack;
  const reads: (number | undefined)[] = [];

  beforeAll(async () => {
    await ffmpeg(
      ...pictures('160x120', '30000/1001', 3.5),
      ...tone(3.5),
      ...x264,
      '-c:a',
      'flac',
      at('film.mkv'),
    );
    media = await plan(at('film.mkv'));
    const tracks = await encode(media, at('film.mkv'), unitsOf(media, 2));
    encoded = {
      video: tracks.get('h264-120p') as EncodedTrack,
      audio: tracks.get('aac-und-128k') as EncodedTrack,
    };
    const { grid } = media;
    video = stored(encoded.video, grid.video?.timescale ?? 0, videoSegmentRuns(grid));
    audio = stored(encoded.audio, grid.audio?.sampleRate ?? 0, audioSegmentRuns(grid));
  });

  /** A track whose beginnings of segments are short. */
  function stored(
    { inits, segments }: EncodedTrack,
    timescale: number,
    runs: SegmentedTrack['segments'],
  ): SegmentedTrack {
    return {
      ...{ init: inits[0] as Buffer, timescale, segments: runs },
      readSegment: async (index, maxBytes) => {
        reads.push(maxBytes);
        return (segments[index] as Buffer).subarray(0, maxBytes);
      },
    };
  }

  async function file(name: string, ...[tracks, options]: Parameters<typeof makeDownload>) {
    const download = await makeDownload(tracks, options);
    const bytes = Buffer.concat(await Array.fromAsync(download.body));
    expect(bytes).toHaveLength(download.sizeBytes);
    await writeFile(at(name), bytes);
    return { path: at(name), bytes, contentType: download.contentType };
  }

  /** Time, length, size and hash of every coded frame. */
  const packets = (path: string) =>
    ffmpeg('-i', path, '-c', 'copy', '-f', 'framehash', '-hash', 'crc32', '-').then((text) =>
      text.split('\n').filter((line) => !line.startsWith('#')),
    );

  test('an MP4 holds what the segments hold, at the same times, and plays before it is loaded', async () => {
    const { path, bytes, contentType } = await file('film.mp4', { video, audio }, { title: 'Ein Film & ü' });
    expect(contentType).toBe('video/mp4');
    expect(boxesIn(bytes).map(({ type }) => type)).toEqual(['ftyp', 'moov', 'mdat']);
    for (const [kind, { inits, segments }] of Object.entries(encoded)) {
      await writeFile(at('segments.mp4'), Buffer.concat([inits[0] as Buffer, ...segments]));
      await ffmpeg('-i', path, '-map', `0:${kind[0]}`, '-c', 'copy', at(`${kind}.mkv`));
      await ffmpeg('-i', at('segments.mp4'), '-c', 'copy', at('segments.mkv'));
      expect((await packets(path)).length).toBeGreaterThan(200);
      expect(await packets(at(`${kind}.mkv`)), kind).toEqual(await packets(at('segments.mkv')));
    }
    const { streams } = await ffprobe('-count_frames', '-show_streams', path);
    expect(streams).toMatchObject([
      { codec_name: 'h264', start_time: '0.000000', nb_read_frames: `${media.grid.video?.frameCount}` },
      { codec_name: 'aac', start_time: '0.000000' },
    ]);
    const seconds = ((media.grid.video?.frameCount ?? 0) * 1001) / 30_000;
    expect(Number(streams[0]?.duration)).toBeCloseTo(seconds, 4);
    expect(Math.abs(Number(streams[1]?.duration) - seconds)).toBeLessThan(1024 / 48_000);
    const { format } = (await ffprobe('-show_format', path)) as unknown as { format: { tags: object } };
    expect(format.tags).toMatchObject({ title: 'Ein Film & ü' });
    // Decoding complains of nothing.
    expect(await ffmpeg('-i', path, '-f', 'null', '-')).toBe('');
  });

  test('an M4A has the sound of the source to the sample', async () => {
    const { path, contentType } = await file('sound.m4a', { audio });
    expect(contentType).toBe('audio/mp4');
    const sound = await audioSamples(path, 48_000);
    expect(sound).toHaveLength((media.grid.audio?.frameCount ?? 0) * 1024);
    expect(noiseRatio(await audioSamples(at('film.mkv'), 48_000), sound, 48_000, 120_000)).toBeGreaterThan(
      20,
    );
  });

  test('the same segments make the same file, and tables are read from the beginning of each', async () => {
    reads.length = 0;
    const first = await file('first.mp4', { video, audio });
    expect(reads.filter((maxBytes) => maxBytes === undefined)).toHaveLength(reads.length / 2);
    expect((await file('second.mp4', { video, audio })).bytes.equals(first.bytes)).toBe(true);
  });

  test('a file of more than 4 GiB has long offsets', async () => {
    // Segments that say that they are large: only the tables are looked at.
    const huge: SegmentedTrack = {
      ...video,
      segments: [{ count: 6, duration: 1 }],
      readSegment: async (index) => {
        const head = Buffer.from(encoded.video.segments[0] as Buffer).subarray(0, 600);
        const moof = childAt(head.subarray(0, head.indexOf('mdat') - 4), 'moof').bytes;
        const tfdt = moof.indexOf('tfdt');
        moof.writeBigUInt64BE(BigInt(index) * 30_030n, tfdt + 8);
        const trun = moof.indexOf('trun');
        moof.writeUInt32BE(1_000_000_000, trun + 20);
        return head;
      },
    };
    const { sizeBytes, body } = await makeDownload({ video: huge });
    expect(sizeBytes).toBeGreaterThan(6_000_000_000);
    const { value: head } = await body.next();
    expect(head?.readUInt32BE(head.length - 16)).toBe(1);
    const moov = (head as Buffer).subarray(0, (head as Buffer).length - 16);
    const co64 = childAt(moov, 'moov', 'trak', 'mdia', 'minf', 'stbl', 'co64').content;
    expect(Number(co64.readBigUInt64BE(8))).toBe(head?.length);
    expect(Number(co64.readBigUInt64BE(48))).toBeGreaterThan(5_000_000_000);
    await expect(body.next()).rejects.toMatchObject({ reason: 'STORED_SEGMENT_INVALID' });
  });

  test('what is missing, broken or cancelled says so', async () => {
    await expect(makeDownload({})).rejects.toMatchObject({ kind: 'invalid', reason: 'DOWNLOAD_EMPTY' });
    const broken = { ...audio, readSegment: async () => Buffer.from('\0\0\0\x09moof!') };
    const failure = { kind: 'data_loss', reason: 'STORED_SEGMENT_INVALID' };
    await expect(makeDownload({ audio: broken })).rejects.toMatchObject(failure);
    const signal = AbortSignal.abort();
    await expect(makeDownload({ audio }, { signal })).rejects.toMatchObject({ kind: 'cancelled' });
  });
});

describe('MP3', () => {
  test.each([
    ['48 kHz stereo', 48_000, 2, 192_000, 2.5],
    ['44.1 kHz mono', 44_100, 1, 64_000, 1.3],
    ['32 kHz, made 48', 32_000, 2, 320_000, 1],
  ])('%s: as long as the source, in step with it', async (name, rate, channels, bitrateBps, seconds) => {
    const path = at(`${rate}.flac`);
    await ffmpeg(...tone(seconds, rate), '-ac', `${channels}`, path);
    const { source } = await plan(path);
    const request = { bitrateBps, title: 'Ton – 音' };
    const mp3 = await Array.fromAsync(makeMp3(source, request, { ...settings, sourcePath: path }));
    await writeFile(at('sound.mp3'), Buffer.concat(mp3));
    const outRate = rate === 44_100 ? 44_100 : 48_000;
    const sound = await audioSamples(at('sound.mp3'), outRate);
    expect(sound, name).toHaveLength(Math.round(seconds * outRate));
    const original = await audioSamples(path, outRate);
    expect(noiseRatio(original, sound, outRate / 4, outRate * 0.9)).toBeGreaterThan(20);
    const { streams } = await ffprobe('-show_streams', at('sound.mp3'));
    expect(streams).toMatchObject([
      { codec_name: 'mp3', sample_rate: `${outRate}`, channels, bit_rate: `${bitrateBps}` },
    ]);
    const { format } = (await ffprobe('-show_format', at('sound.mp3'))) as unknown as {
      format: { tags: object };
    };
    expect(format.tags).toMatchObject({ title: 'Ton – 音' });
    expect((await readFile(at('sound.mp3'))).subarray(0, 3).toString()).toBe('ID3');
  });

  test.each([1, 577, 1728])('%i samples have an exact length too', async (samples) => {
    const path = at(`${samples}.wav`);
    await ffmpeg(...tone(1), '-af', `atrim=end_sample=${samples}`, path);
    const { source } = await plan(path);
    const mp3 = await Array.fromAsync(makeMp3(source, {}, { ...settings, sourcePath: path }));
    await writeFile(at('short.mp3'), Buffer.concat(mp3));
    expect(await audioSamples(at('short.mp3'), 48_000)).toHaveLength(samples);
  });
});
