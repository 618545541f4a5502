import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AudioRung, defaultProfile, type MediaPlan } from '../src/index.ts';
import {
  type EncodedTrack,
  encode,
  ffmpeg,
  ffprobe,
  plan,
  temporaryFolder,
  tools,
  unitsOf,
} from './samples.ts';

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());

/** One tone for each channel, in the order of WAV: L R C LFE Ls Rs. */
const tones = [300, 500, 700, 100, 900, 1100];
const amplitude = 0.99;
const profile = {
  ...defaultProfile,
  audio: [
    { codec: 'aac', bitrateBps: 128_000, channels: 2 },
    { codec: 'aac', bitrateBps: 384_000, channels: 6 },
    { codec: 'opus', bitrateBps: 320_000, channels: 6 },
  ],
  segmentSeconds: 1,
} as const;

let media: MediaPlan;
let tracks: Map<string, EncodedTrack>;
const source = join(folder.path, 'surround.wav');

beforeAll(async () => {
  const sound = tones.map((tone) => `${amplitude}*sin(2*PI*${tone}*t)`).join('|');
  await ffmpeg('-f', 'lavfi', '-i', `aevalsrc=${sound}:c=5.1:s=48000:d=2`, '-c:a', 'pcm_f32le', source);
  media = await plan(source, profile);
  tracks = await encode(media, source, unitsOf(media, 1));
});

const rungs = () => media.ladder.audio;

test('each rendition is there once, in the channels that it wants', () => {
  expect(rungs().map(({ name, channels, group }) => [name, channels, group])).toEqual([
    ['aac-und-128k', 2, 'aac-1'],
    ['aac-und-384k', 6, 'aac-2'],
    ['opus-und-320k', 6, 'opus-3'],
  ]);
});

describe.each([1, 2])('surround, rendition %d', (index) => {
  test('keeps its channels, each in its place', async () => {
    const { stream, samples } = await decoded(rungs()[index] as AudioRung);
    expect(stream).toMatchObject({ channels: 6, channel_layout: '5.1' });
    for (const [channel, tone] of tones.entries()) {
      const heard = tones.map((other) => level(samples, 6, channel, other));
      expect(heard.indexOf(Math.max(...heard)), `channel ${channel}`).toBe(channel);
      // The LFE of AAC and Opus is narrow, but 100 Hz passes.
      expect(heard[channel], `${tone} Hz`).toBeGreaterThan(0.8);
    }
  });
});

test('stereo is mixed by the standard coefficients, and full scale does not clip', async () => {
  const { stream, samples } = await decoded(rungs()[0] as AudioRung);
  expect(stream).toMatchObject({ channels: 2, channel_layout: 'stereo' });
  const whole = 1 + 2 * Math.SQRT1_2;
  const wanted = {
    left: [1, 0, Math.SQRT1_2, 0, Math.SQRT1_2, 0],
    right: [0, 1, Math.SQRT1_2, 0, 0, Math.SQRT1_2],
  };
  for (const [channel, coefficients] of [wanted.left, wanted.right].entries()) {
    for (const [at, coefficient] of coefficients.entries()) {
      const heard = level(samples, 2, channel, tones[at] ?? 0);
      expect(heard, `${tones[at]} Hz in channel ${channel}`).toBeCloseTo(
        (amplitude * coefficient) / whole,
        1,
      );
    }
  }
  const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  // The codec overshoots a little; without the lowering it would be 2.4.
  expect(peak).toBeLessThan(1.1);
  expect(peak).toBeGreaterThan(0.8);
});

test('more than AAC has is mixed to 5.1, and mono stays mono', async () => {
  const wide = join(folder.path, 'wide.wav');
  await ffmpeg('-f', 'lavfi', '-i', 'sine=d=1,aformat=channel_layouts=mono,pan=7.1|c0=c0|c7=c0', wide);
  const wanted = { ...profile, audio: [{ codec: 'aac', bitrateBps: 384_000, channels: 8 }] } as const;
  const plans = [await plan(wide, wanted), await plan(await monoFile(), profile)];
  expect(plans.map(({ ladder }) => ladder.audio.map(({ channels }) => channels))).toEqual([[6], [1, 1]]);
  const [track] = (await encode(plans[0] as MediaPlan, wide, unitsOf(plans[0] as MediaPlan, 9))).values();
  await writeFile(`${wide}.mp4`, Buffer.concat([track?.inits[0] as Buffer, ...(track?.segments ?? [])]));
  const { streams } = await ffprobe('-show_streams', `${wide}.mp4`);
  expect(streams).toMatchObject([{ channels: 6, channel_layout: '5.1' }]);
});

async function monoFile(): Promise<string> {
  const path = join(folder.path, 'mono.wav');
  await ffmpeg('-f', 'lavfi', '-i', 'sine=d=1', path);
  return path;
}

/** A rung, joined, as interleaved samples from the middle of the track. */
async function decoded(rung: AudioRung): Promise<{ stream: Record<string, unknown>; samples: Float32Array }> {
  const track = tracks.get(rung.name);
  const joined = join(folder.path, `${rung.name}.mp4`);
  await writeFile(joined, Buffer.concat([track?.inits[0] as Buffer, ...(track?.segments ?? [])]));
  const { streams } = await ffprobe('-show_streams', joined);
  const args = ['-v', 'error', '-ss', '0.5', '-i', joined, '-t', '1', '-f', 'f32le', '-'];
  const { stdout } = await promisify(execFile)(tools.ffmpeg, args, {
    encoding: 'buffer',
    maxBuffer: 2 ** 26,
  });
  const samples = new Float32Array(stdout.buffer, stdout.byteOffset, stdout.length / 4);
  return { stream: streams[0] ?? {}, samples };
}

/** Amplitude of a tone in one channel. */
function level(samples: Float32Array, channels: number, channel: number, tone: number): number {
  const count = Math.floor(samples.length / channels);
  let [re, im] = [0, 0];
  for (let n = 0; n < count; n++) {
    const sample = samples[n * channels + channel] ?? 0;
    re += sample * Math.cos((2 * Math.PI * tone * n) / 48_000);
    im += sample * Math.sin((2 * Math.PI * tone * n) / 48_000);
  }
  return (2 * Math.hypot(re, im)) / count;
}
