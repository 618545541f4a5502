import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { boxesIn, childAt } from '../src/cmaf/box.ts';
import { audioSegmentRuns, firstAudioFrame, type MediaPlan } from '../src/index.ts';
import { encode, ffmpeg, pictures, plan, temporaryFolder, tone, unitsOf, x264 } from './samples.ts';
import { audioSamples, noiseRatio } from './sound.ts';

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());
const seconds = 5;
const wav = join(folder.path, 'source.wav');
beforeAll(() => ffmpeg(...tone(seconds), '-c:a', 'pcm_f32le', wav).then(() => {}));

const sources: Record<string, { file: string; make: string[] }> = {
  'AAC in MP4 with video': {
    file: 'a.mp4',
    make: ['-i', wav, ...pictures('160x90', '25', seconds), ...x264, '-c:a', 'aac', '-b:a', '256k'],
  },
  'Opus in WebM': { file: 'a.webm', make: ['-i', wav, '-c:a', 'libopus', '-b:a', '192k'] },
  MP3: { file: 'a.mp3', make: ['-i', wav, '-c:a', 'libmp3lame', '-b:a', '256k'] },
  'MP2 in MPEG-TS with a start offset': {
    file: 'a.ts',
    make: [
      '-i',
      wav,
      ...pictures('160x90', '25', seconds),
      ...x264,
      '-c:a',
      'mp2',
      '-b:a',
      '320k',
      '-output_ts_offset',
      '5',
    ],
  },
  // Without noise in the source, that of the encoder is all there is.
  FLAC: { file: 'a.flac', make: ['-i', wav, '-c:a', 'flac'] },
  'FLAC in Matroska': { file: 'a.mkv', make: ['-i', wav, '-c:a', 'flac'] },
  'Vorbis in Ogg': { file: 'a.ogg', make: ['-i', wav, '-c:a', 'libvorbis', '-q:a', '8'] },
  'PCM of 32 kHz, resampled': { file: 'a32.wav', make: ['-i', wav, '-ar', '32000', '-c:a', 'pcm_s16le'] },
  'PCM of 44.1 kHz in QuickTime': { file: 'a.mov', make: ['-i', wav, '-ar', '44100', '-c:a', 'pcm_s16le'] },
};

describe.each(Object.entries(sources))('%s', (_, { file, make }) => {
  test('sample 0 is time zero, the length is exact, and seams cannot be heard', async () => {
    const path = join(folder.path, file);
    await ffmpeg(...make, path);
    const media = await plan(path);
    const rate = media.grid.audio?.sampleRate ?? 0;
    const whole = await decoded(media, path, media.grid.segmentCount);
    const cut = await decoded(media, path, 1);
    const length = (media.grid.audio?.frameCount ?? 0) * 1024;
    expect([whole.length, cut.length]).toEqual([length, length]);

    const source = await audioSamples(path, rate);
    expect(noiseRatio(source, whole, rate, rate * 3), 'aligned with the source').toBeGreaterThan(20);
    for (const shift of [-3, 3]) expect(noiseRatio(source, whole, rate, rate * 3, shift)).toBeLessThan(20);
    for (let segment = 1; segment < media.grid.segmentCount - 1; segment++) {
      const seam = firstAudioFrame(media.grid, segment) * 1024;
      const [a, b] = [seam - 2048, seam + 2048];
      const plain = noiseRatio(source, whole, a, b);
      expect(noiseRatio(source, cut, a, b), `seam before segment ${segment}`).toBeGreaterThan(
        Math.min(plain, 45) - 3,
      );
    }
  });
});

test('segments follow the grid, with sync samples of 1024', async () => {
  const media = await plan(wav);
  const tracks = await encode(media, wav, unitsOf(media, 2));
  const track = tracks.get('aac-und-128k');
  let at = 0n;
  const durations = audioSegmentRuns(media.grid).flatMap((run) =>
    Array<number>(run.count).fill(run.duration),
  );
  expect(track?.segments).toHaveLength(durations.length);
  track?.segments.forEach((segment, index) => {
    expect(boxesIn(segment).map((box) => box.type)).toEqual(['styp', 'moof', 'mdat']);
    expect(childAt(segment, 'moof', 'traf', 'tfdt').content.readBigUInt64BE(4)).toBe(at);
    expect(childAt(segment, 'moof', 'traf', 'trun').content.readUInt32BE(4)).toBe(
      (durations[index] ?? 0) / 1024,
    );
    at += BigInt(durations[index] ?? 0);
  });
});

test('sound that starts late, or ends early, is silence there', async () => {
  const path = join(folder.path, 'late.mkv');
  await ffmpeg(
    ...pictures('160x90', '25', 4),
    ...['-itsoffset', '1', ...tone(1.5), '-map', '0', '-map', '1', ...x264, '-c:a', 'flac'],
    path,
  );
  const media = await plan(path);
  expect(media.grid).toMatchObject({ segmentCount: 4, video: { frameCount: 100 } });
  const sound = await decoded(media, path, 1);
  const loudness = (from: number, to: number) =>
    Math.max(...sound.slice(from * 48_000, to * 48_000).map(Math.abs));
  expect(loudness(0, 0.95)).toBeLessThan(0.01);
  expect(loudness(1.05, 2.4)).toBeGreaterThan(0.2);
  expect(loudness(2.6, 4)).toBeLessThan(0.01);
});

test('more channels than wanted are mixed down, fewer are kept', async () => {
  const surround = join(folder.path, 'surround.wav');
  await ffmpeg(
    '-f',
    'lavfi',
    '-i',
    'sine=d=1',
    '-af',
    'pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0',
    surround,
  );
  const mono = join(folder.path, 'mono.wav');
  await ffmpeg('-f', 'lavfi', '-i', 'sine=d=1', mono);
  expect((await plan(surround)).ladder.audio).toMatchObject([
    { channels: 2, name: 'aac-und-128k' },
    { channels: 6, name: 'aac-und-384k' },
  ]);
  expect((await plan(mono)).ladder.audio).toMatchObject([{ channels: 1, name: 'aac-und-64k' }]);
  expect((await decoded(await plan(surround), surround, 9)).length).toBe(Math.ceil(44_100 / 1024) * 1024);
});

/** The first audio rung, encoded in units of some segments, as mono samples. */
async function decoded(media: MediaPlan, path: string, unitSize: number): Promise<Float32Array> {
  const units = unitsOf(media, unitSize).filter((unit) => unit.kind === 'audio');
  const [track] = (await encode(media, path, units)).values();
  const joined = join(folder.path, `joined-${unitSize}.mp4`);
  await writeFile(joined, Buffer.concat([track?.inits[0] as Buffer, ...(track?.segments ?? [])]));
  return audioSamples(joined, media.grid.audio?.sampleRate ?? 0);
}
