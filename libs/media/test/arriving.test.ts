import { copyFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type ArrivingSource,
  defaultProfile,
  defaultSourceLimits,
  type EncodeUnit,
  type EncodingProfile,
  encodeUnit,
  type MediaPlan,
  planMedia,
  probeArriving,
  probeSource,
  readySeconds,
  unitFingerprint,
} from '../src/index.ts';
import { ffmpeg, settings, temporaryFolder, tools } from './samples.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let folder: string;
beforeAll(async () => {
  folder = stack.use(await temporaryFolder()).path;
});

const seconds = 70;
const profile: EncodingProfile = {
  ...defaultProfile,
  renditions: [{ height: 64, codec: 'h264', maxBitrateBps: 150_000 }],
  segmentSeconds: 2,
  preset: 'ultrafast',
};
const pictures = ['-f', 'lavfi', '-i', `testsrc2=s=96x64:r=25:d=${seconds}`];
const sound = ['-f', 'lavfi', '-i', `aevalsrc=sin(300*t*t):s=44100:d=${seconds}`];
const film = [...pictures, ...sound, '-c:v', 'libx264', '-preset', 'ultrafast', '-g', '50', '-c:a', 'aac'];

/** A source, and a file with only some of its bytes. */
async function cutOff(name: string, args: readonly string[], share: number) {
  const whole = join(folder, name);
  await ffmpeg(...args, whole);
  const { size: sizeBytes } = await stat(whole);
  const path = join(folder, `cut-${name}`);
  const arrivedBytes = Math.floor(sizeBytes * share);
  await copyFile(whole, path);
  await truncate(path, arrivedBytes);
  return { whole, path, sizeBytes, arrivedBytes };
}

const look = ({ path, ...arrived }: { path: string; arrivedBytes: number; sizeBytes?: number }) =>
  probeArriving(path, arrived, defaultSourceLimits, { tools });

async function made(plan: MediaPlan, unit: EncodeUnit, sourcePath: string): Promise<string[]> {
  const parts = await Array.fromAsync(encodeUnit(plan, unit, { ...settings, sourcePath }));
  return parts.map(({ bytes }) => bytes.toString('base64'));
}

function sourceOf(found: ArrivingSource) {
  if (found.kind === 'later' || found.kind === 'never') throw new Error(`it is ${found.kind}`);
  return found.source;
}

test.for([
  ['index-first.mp4', [...film, '-movflags', '+faststart'], 'told'],
  ['edited.mp4', [...film, '-bf', '2', '-output_ts_offset', '1.5', '-movflags', '+faststart'], 'told'],
  ['fragments.mp4', [...film, '-movflags', '+frag_keyframe+empty_moov'], 'open'],
  ['film.mkv', film, 'open'],
  ['film.ts', film, 'open'],
  ['sound.mp3', [...sound, '-c:a', 'libmp3lame'], 'open'],
  ['sound.aac', [...sound, '-c:a', 'aac', '-f', 'adts'], 'open'],
] as const)('what the beginning of %s gives is what the whole gives', async ([name, args, kind]) => {
  const { whole, ...arrived } = await cutOff(name, args, 0.75);
  const found = await look(arrived);
  expect(found.kind).toBe(kind);
  const source = await probeSource(whole, defaultSourceLimits, { tools });
  if (found.kind === 'told') expect(found.source).toEqual(source);
  const ready =
    found.kind === 'told'
      ? readySeconds(found.needs, arrived.arrivedBytes)
      : found.kind === 'open'
        ? found.readySeconds
        : 0;
  expect(ready).toBeGreaterThan(seconds * 0.5);
  expect(ready).toBeLessThan(seconds * 0.75);
  const [plan, early] = [planMedia(source, profile), planMedia(sourceOf(found), profile)];
  const range = { firstSegment: Math.floor(ready / 2) - 5, segmentCount: 4 };
  const units: EncodeUnit[] = [
    ...plan.ladder.video.map((rung) => ({ kind: 'video' as const, rungs: [rung.name], ...range })),
    ...plan.ladder.audio.map((rung) => ({ kind: 'audio' as const, rung: rung.name, ...range })),
  ];
  expect(units.length).toBeGreaterThan(0);
  for (const unit of units) {
    expect(unitFingerprint(early, unit)).toBe(unitFingerprint(plan, unit));
    expect(await made(early, unit, arrived.path)).toEqual(await made(plan, unit, whole));
  }
});

test('an index behind the media, or something else, is never begun', async () => {
  const { whole: _, ...behind } = await cutOff('index-last.mp4', film, 0.75);
  expect(await look(behind)).toEqual({ kind: 'never' });
  const path = join(folder, 'text');
  await writeFile(path, '#EXTM3U\n'.repeat(50_000));
  expect(await look({ path, arrivedBytes: 400_000 })).toEqual({ kind: 'never' });
  await writeFile(path, Buffer.concat([Buffer.from('\0\0\0\x20ftypisom'), Buffer.alloc(300_000, 0xff)]));
  expect((await look({ path, arrivedBytes: 300_000 })).kind).not.toBe('told');
});

test('too little, and half an index, wait for more', async () => {
  const { whole: _, ...little } = await cutOff('little.mkv', film, 0.2);
  expect(await look(little)).toEqual({ kind: 'later' });
  const { whole, path, sizeBytes } = await cutOff('half.mp4', [...film, '-movflags', '+faststart'], 0.5);
  expect(await look({ path, sizeBytes, arrivedBytes: 2_000 })).toEqual({ kind: 'later' });
  // Sizes of uploads are not always known.
  expect((await look({ path: whole, arrivedBytes: Math.floor(sizeBytes * 0.7) })).kind).toBe('told');
});

test('where decoding begins is no matter', async () => {
  const { whole } = await cutOff('seek.ts', film, 1);
  const source = await probeSource(whole, defaultSourceLimits, { tools });
  const [plan, other] = [source.video?.maxKeyframeIntervalSeconds ?? 0, 9].map(
    (maxKeyframeIntervalSeconds) => {
      const video = source.video && { ...source.video, maxKeyframeIntervalSeconds };
      return planMedia({ ...source, ...(video && { video }) }, profile);
    },
  );
  if (!plan || !other) throw new Error('there is no plan');
  for (const firstSegment of [3, 12]) {
    const rungs = [plan.ladder.video[0]?.name ?? ''];
    const unit: EncodeUnit = { kind: 'video', rungs, firstSegment, segmentCount: 2 };
    expect(unitFingerprint(other, unit)).toBe(unitFingerprint(plan, unit));
    expect(await made(other, unit, whole)).toEqual(await made(plan, unit, whole));
  }
});

test('units of other places, or of other settings, have other fingerprints', async () => {
  const { whole } = await cutOff('other.mp4', film, 1);
  const source = await probeSource(whole, defaultSourceLimits, { tools });
  const plan = planMedia(source, profile);
  const unit: EncodeUnit = {
    kind: 'audio',
    rung: plan.ladder.audio[0]?.name ?? '',
    firstSegment: 1,
    segmentCount: 2,
  };
  const slower = planMedia(source, { ...profile, segmentSeconds: 3 });
  const all = [
    unitFingerprint(plan, unit),
    unitFingerprint(plan, { ...unit, firstSegment: 2 }),
    unitFingerprint(plan, { ...unit, segmentCount: 3 }),
    unitFingerprint(slower, unit),
  ];
  expect(new Set(all).size).toBe(all.length);
});
