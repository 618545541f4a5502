import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { loudnessGainDb, type MediaPlan, makeWaveform, measureLoudness } from '../src/index.ts';
import { encode, ffmpeg, pictures, plan, settings, temporaryFolder, tone, unitsOf, x264 } from './samples.ts';

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());
const at = (name: string) => join(folder.path, name);
const run = (path: string) => ({ ...settings, sourcePath: path });

describe('loudness', () => {
  const target = { integratedLufs: -23, truePeakDbtp: -1 };

  test.each([
    ['quiet', 'volume=-30dB', 'flac'],
    ['loud', 'volume=6dB', 'flac'],
    ['mono in MP3', 'pan=mono|c0=c0', 'mp3'],
  ])('%s sound ends at the target, in chunks that join', async (name, filters, extension) => {
    const path = at(`${name}.${extension}`);
    await ffmpeg(...tone(4), '-af', filters, path);
    const media = await plan(path);
    const measured = await measureLoudness(media.source, {}, run(path));
    const gainDb = loudnessGainDb(measured, target);
    expect(Math.abs(gainDb)).toBeGreaterThan(2);
    const audio = media.ladder.audio.map((rung) => ({ ...rung, gainDb }));
    const louder = { ...media, ladder: { ...media.ladder, audio } };
    const result = await encoded(louder, path, 2);
    const after = await measureLoudness((await plan(result)).source, {}, run(result));
    expect(Math.abs(after.integratedLufs - target.integratedLufs)).toBeLessThan(0.5);
    expect(after.truePeakDbtp).toBeLessThan(target.truePeakDbtp);
  });

  test('the meter agrees with a tone whose figures are known', async () => {
    // EBU Tech 3341: 1 kHz at -23 dBFS in both channels of a stereo signal is -23 LUFS.
    const level = 10 ** (-23 / 20);
    const path = at('reference.wav');
    const sine = `${level}*sin(2*PI*1000*t)`;
    await ffmpeg('-f', 'lavfi', '-i', `aevalsrc=${sine}|${sine}:s=48000:d=5`, '-c:a', 'pcm_f32le', path);
    const measured = await measureLoudness((await plan(path)).source, {}, run(path));
    expect(measured.integratedLufs).toBeCloseTo(-23, 0);
    expect(measured.truePeakDbtp).toBeCloseTo(-23, 0);
    expect(measured.rangeLu).toBeLessThan(0.5);
  });

  test('a gain never lets peaks pass the target, and silence stays silent', async () => {
    expect(loudnessGainDb({ integratedLufs: -30, truePeakDbtp: -4 }, target)).toBe(3);
    expect(loudnessGainDb({ integratedLufs: -70, truePeakDbtp: -70 }, target)).toBe(0);
    expect(loudnessGainDb({ integratedLufs: -65, truePeakDbtp: -50 }, target)).toBe(30);
    const path = at('silence.wav');
    await ffmpeg('-f', 'lavfi', '-i', 'anullsrc=d=1', path);
    const measured = await measureLoudness((await plan(path)).source, {}, run(path));
    expect(measured).toEqual({ integratedLufs: -70, truePeakDbtp: -70, rangeLu: 0 });
  });
});

describe('waveform', () => {
  test('has the peaks where the sound is, over the whole presentation', async () => {
    const path = at('film.mkv');
    const burst = "aevalsrc='0.5*between(t,1,2)*sin(2*PI*441*t)':s=44100:d=3";
    await ffmpeg(
      ...[...pictures('64x48', '10', 4), '-f', 'lavfi', '-i', burst, ...x264],
      ...['-c:a', 'pcm_s16le', path],
    );
    const { source } = await plan(path);
    const waveform = await makeWaveform(source, { maxPoints: 400 }, run(path));
    expect(waveform).toMatchObject({ version: 2, channels: 1, bits: 8, sample_rate: 44_100, length: 400 });
    expect(waveform.samples_per_pixel * waveform.length).toBeGreaterThanOrEqual(4 * 44_100);
    expect(waveform.data).toHaveLength(800);
    const peak = (from: number, to: number) => Math.max(...waveform.data.slice(from * 200, to * 200));
    expect(peak(0, 0.99)).toBe(0);
    expect(peak(1.01, 1.99)).toBe(64);
    expect(Math.min(...waveform.data)).toBe(-64);
    expect(peak(2.02, 4)).toBe(0);
  });

  test('points are bounded, whatever the length', async () => {
    const path = at('tone.flac');
    await ffmpeg(...tone(2), path);
    const { source } = await plan(path);
    expect((await makeWaveform(source, {}, run(path))).length).toBe(1500);
    expect((await makeWaveform(source, { maxPoints: 1 }, run(path))).length).toBe(100);
  });

  test('a source without sound says so', async () => {
    const path = at('mute.mp4');
    await ffmpeg(...pictures('64x48', '10', 1), ...x264, path);
    const { source } = await plan(path);
    const failure = { kind: 'unsupported', reason: 'SOURCE_HAS_NO_SOUND' };
    await expect(makeWaveform(source, {}, run(path))).rejects.toMatchObject(failure);
    await expect(measureLoudness(source, {}, run(path))).rejects.toMatchObject(failure);
  });
});

/** The first audio rung as a file, encoded in units of some segments. */
async function encoded(media: MediaPlan, path: string, unitSize: number): Promise<string> {
  const [track] = (await encode(media, path, unitsOf(media, unitSize))).values();
  await writeFile(`${path}.mp4`, Buffer.concat([track?.inits[0] as Buffer, ...(track?.segments ?? [])]));
  return `${path}.mp4`;
}
