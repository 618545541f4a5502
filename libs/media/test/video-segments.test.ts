import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { boxesIn, childAt } from '../src/cmaf/box.ts';
import { isSync, readFragment } from '../src/cmaf/media-segment.ts';
import { encodeUnit, type MediaPlan } from '../src/index.ts';
import {
  type EncodedTrack,
  encode,
  ffmpeg,
  ffprobe,
  pictures,
  plan,
  settings,
  temporaryFolder,
  unitsOf,
  x264,
} from './samples.ts';

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());
const path = join(folder.path, 'source.mp4');
let media: MediaPlan;
let track: EncodedTrack;

beforeAll(async () => {
  await ffmpeg(...pictures('160x120', '30000/1001', 3.5), ...x264, '-bf', '2', path);
  media = await plan(path);
  track = (await encode(media, path, unitsOf(media, 2))).get('h264-120p') as EncodedTrack;
});

test('decode time and sequence number are those of the grid', () => {
  track.segments.forEach((segment, index) => {
    const moof = childAt(segment, 'moof').content;
    expect(childAt(moof, 'mfhd').content.readUInt32BE(4)).toBe(index + 1);
    const tfdt = childAt(moof, 'traf', 'tfdt').content;
    expect(tfdt.readUInt8(0), '64 bits').toBe(1);
    expect(tfdt.readBigUInt64BE(4)).toBe(BigInt(index * 30 * 1001));
  });
});

test('a segment is styp, one moof with one trun relative to it, and one mdat', () => {
  for (const segment of track.segments) {
    expect(boxesIn(segment).map((box) => box.type)).toEqual(['styp', 'moof', 'mdat']);
    const tfhd = childAt(segment, 'moof', 'traf', 'tfhd').content;
    expect(tfhd.readUInt32BE(0) & 0x020000, 'default-base-is-moof').toBe(0x020000);
  }
});

test('presentation starts at the decode time of the segment', () => {
  const elst = childAt(track.inits[0] as Buffer, 'moov', 'trak', 'edts', 'elst').content;
  const mediaTime = elst.readUInt32BE(12);
  for (const segment of track.segments) {
    const { samples } = readFragment(childAt(segment, 'moof').bytes);
    const times = samples.map((sample, index) => index * 1001 + sample.compositionOffset - mediaTime);
    expect(isSync(samples[0] as (typeof samples)[0])).toBe(true);
    expect(samples.slice(1).some(isSync)).toBe(false);
    expect(times[0]).toBe(0);
    expect(times.toSorted((a, b) => a - b)).toEqual(samples.map((_, index) => index * 1001));
  }
});

test('each segment decodes alone, from an IDR picture', async () => {
  for (const [index, segment] of track.segments.entries()) {
    const alone = join(folder.path, `alone-${index}.mp4`);
    await writeFile(alone, Buffer.concat([track.inits[0] as Buffer, segment]));
    const { streams } = await ffprobe('-count_frames', '-show_entries', 'stream=nb_read_frames', alone);
    expect(streams[0]?.nb_read_frames).toBe(`${index === 3 ? 15 : 30}`);
    expect(await ffmpeg('-xerror', '-i', alone, '-f', 'null', '-')).toBe('');
  }
});

test('the codec string that the plan announces is what the encoder wrote', async () => {
  const rung = media.ladder.video[0];
  const config = track.inits[0]?.indexOf('avcC') ?? 0;
  expect(`avc1.${track.inits[0]?.toString('hex', config + 5, config + 8)}`).toBe(rung?.codecs);
  const wrong = {
    ...media,
    ladder: {
      ...media.ladder,
      video: media.ladder.video.map((each) => ({ ...each, codecs: 'avc1.640033' })),
    },
  };
  const unit = { kind: 'video', rungs: ['h264-120p'], firstSegment: 0, segmentCount: 1 } as const;
  await expect(
    Array.fromAsync(encodeUnit(wrong, unit, { ...settings, sourcePath: path })),
  ).rejects.toMatchObject({
    reason: 'ENCODER_OUTPUT_UNEXPECTED',
  });
});

test('a rung at half the rate cuts at the same moments', async () => {
  const profile = {
    name: 'half',
    renditions: [{ height: 64, codec: 'h264', maxBitrateBps: 150_000, frameRate: 15 }],
    audio: [],
    segmentSeconds: 1,
    preset: 'ultrafast',
  } as const;
  const half = await plan(path, profile);
  expect(half.ladder.video[0]).toMatchObject({ frameRateDivisor: 2, frameRate: { num: 15_000, den: 1001 } });
  const slow = (await encode(half, path, unitsOf(half, 2))).get('h264-64p');
  slow?.segments.forEach((segment, index) => {
    const tfdt = childAt(segment, 'moof', 'traf', 'tfdt').content;
    expect(tfdt.readBigUInt64BE(4)).toBe(BigInt(index * 30 * 1001));
  });
  const joined = join(folder.path, 'half.mp4');
  await writeFile(joined, Buffer.concat([slow?.inits[0] as Buffer, ...(slow?.segments ?? [])]));
  const { streams } = await ffprobe(
    '-count_frames',
    '-show_entries',
    'stream=nb_read_frames,avg_frame_rate',
    joined,
  );
  expect(streams[0]).toEqual({ nb_read_frames: '53', avg_frame_rate: '15000/1001' });
});
