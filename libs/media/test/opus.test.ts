import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { childAt } from '../src/cmaf/box.ts';
import { readFragment } from '../src/cmaf/media-segment.ts';
import {
  audioGrid,
  audioSegmentRuns,
  defaultProfile,
  firstAudioFrame,
  type MediaPlan,
} from '../src/index.ts';
import { encode, ffmpeg, pictures, plan, temporaryFolder, tone, unitsOf, x264 } from './samples.ts';
import { audioSamples, noiseRatio } from './sound.ts';

const both = {
  ...defaultProfile,
  renditions: [{ height: 96, codec: 'h264', maxBitrateBps: 200_000 }],
  audio: [
    { codec: 'aac', bitrateBps: 128_000, channels: 2 },
    { codec: 'opus', bitrateBps: 128_000, channels: 2 },
  ],
  segmentSeconds: 1,
} as const;

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());
const path = join(folder.path, 'source.mov');
let media: MediaPlan;
beforeAll(async () => {
  const sound = [...tone(4, 44_100), '-c:a', 'pcm_s16le'];
  await ffmpeg(...sound, ...pictures('128x96', '30000/1001', 4), ...x264, path);
  media = await plan(path, both);
});

test('AAC and Opus stand side by side, each on frames of its own next to those of the video', () => {
  expect(media.ladder.audio.map(({ name, codecs }) => [name, codecs])).toEqual([
    ['aac-und-128k', 'mp4a.40.2'],
    ['opus-und-128k', 'opus'],
  ]);
  expect(media.grid.audio).toMatchObject({ sampleRate: 44_100, samplesPerFrame: 1024 });
  expect(media.grid.opus).toMatchObject({ sampleRate: 48_000, samplesPerFrame: 960, frameCount: 201 });
  for (const codec of ['aac', 'opus'] as const) {
    const { sampleRate, samplesPerFrame, frameCount } = audioGrid(media.grid, codec);
    for (let index = 1; index < media.grid.segmentCount; index++) {
      const start = (firstAudioFrame(media.grid, index, codec) * samplesPerFrame) / sampleRate;
      expect(Math.abs(start - (index * 30 * 1001) / 30_000)).toBeLessThanOrEqual(
        samplesPerFrame / sampleRate / 2,
      );
    }
    const runs = audioSegmentRuns(media.grid, codec);
    expect(runs.reduce((sum, run) => sum + run.count * run.duration, 0)).toBe(frameCount * samplesPerFrame);
    expect(runs.reduce((sum, run) => sum + run.count, 0)).toBe(media.grid.segmentCount);
  }
});

test('decoded Opus is the source to the sample, and seams cannot be heard', async () => {
  const whole = await decoded(media.grid.segmentCount);
  const cut = await decoded(1);
  const length = (media.grid.opus?.frameCount ?? 0) * 960;
  expect([whole.length, cut.length]).toEqual([length, length]);
  const source = await audioSamples(path, 48_000);
  expect(noiseRatio(source, whole, 48_000, 144_000), 'aligned with the source').toBeGreaterThan(20);
  expect(noiseRatio(source, whole, 4_800, 9_600), 'soon after the start').toBeGreaterThan(15);
  for (const shift of [-3, 3]) expect(noiseRatio(source, whole, 48_000, 144_000, shift)).toBeLessThan(20);
  for (let segment = 1; segment < media.grid.segmentCount - 1; segment++) {
    const seam = firstAudioFrame(media.grid, segment, 'opus') * 960;
    const [a, b] = [seam - 1920, seam + 1920];
    const plain = noiseRatio(source, whole, a, b);
    expect(noiseRatio(source, cut, a, b), `seam before segment ${segment}`).toBeGreaterThan(plain - 3);
  }
});

test('units have one init segment, which says what ffmpeg says but for the pre-skip', async () => {
  const opus = (await encode(media, path, opusUnits(1))).get('opus-und-128k');
  expect(new Set(opus?.inits.map((init) => init.toString('hex'))).size).toBe(1);
  const durations = audioSegmentRuns(media.grid, 'opus').flatMap(({ count, duration }) =>
    Array<number>(count).fill(duration),
  );
  let at = 0;
  opus?.segments.forEach((segment, index) => {
    const moof = childAt(segment, 'moof');
    expect(childAt(moof.content, 'mfhd').content.readUInt32BE(4)).toBe(index + 1);
    expect(childAt(moof.content, 'traf', 'tfdt').content.readBigUInt64BE(4)).toBe(BigInt(at));
    expect(readFragment(moof.bytes).samples).toHaveLength((durations[index] ?? 0) / 960);
    at += durations[index] ?? 0;
  });
});

test.each([1, 6, 8])('%d channels are mapped as libopus maps them', async (channels) => {
  const file = join(folder.path, `${channels}.wav`);
  const layout = { 1: 'mono', 6: '5.1', 8: '7.1' }[channels];
  await ffmpeg('-f', 'lavfi', '-i', `anoisesrc=d=0.3:a=0.1,aformat=channel_layouts=${layout}`, file);
  const wanted = {
    ...both,
    renditions: [],
    audio: [{ codec: 'opus', bitrateBps: 256_000, channels: 8 }],
  } as const;
  const sound = await plan(file, wanted);
  const [track] = (await encode(sound, file, unitsOf(sound, 9))).values();
  const theirs = join(folder.path, `${channels}.mp4`);
  await ffmpeg('-i', file, '-c:a', 'libopus', '-strict', '-2', theirs);
  const configOf = async (bytes: Buffer) => {
    const at = bytes.indexOf('dOps');
    const config = bytes.subarray(at + 4, at - 4 + bytes.readUInt32BE(at - 4));
    return [config.readUInt8(1), config.readUInt16BE(2), config.toString('hex', 4)];
  };
  const [ours, ffmpegs] = [await configOf(track?.inits[0] as Buffer), await configOf(await readFile(theirs))];
  expect(ours).toEqual([channels, 0, ffmpegs[2]]);
  const joined = join(folder.path, `${channels}-joined.mp4`);
  await writeFile(joined, Buffer.concat([track?.inits[0] as Buffer, ...(track?.segments ?? [])]));
  expect((await audioSamples(joined, 48_000)).length).toBe((sound.grid.opus?.frameCount ?? 0) * 960);
});

function opusUnits(size: number) {
  return unitsOf(media, size).filter((unit) => unit.kind === 'audio' && unit.rung.startsWith('opus'));
}

/** The Opus rung, encoded in units of some segments, as mono samples. */
async function decoded(unitSize: number): Promise<Float32Array> {
  const [track] = (await encode(media, path, opusUnits(unitSize))).values();
  const joined = join(folder.path, `joined-${unitSize}.mp4`);
  await writeFile(joined, Buffer.concat([track?.inits[0] as Buffer, ...(track?.segments ?? [])]));
  return audioSamples(joined, 48_000);
}
