import { open, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultSourceLimits } from '../src/index.ts';
import { describeStreams, scanPackets } from '../src/probe/ffprobe.ts';
import { bytesOfFile, SamplingRefusal } from '../src/probe/sampled/byte-source.ts';
import { findWindows } from '../src/probe/sampled/places.ts';
import { placesOf, sampleSource, usualExtent } from '../src/probe/sampled/sample-source.ts';
import { clocksFromSamples } from '../src/probe/sampled/sampled-clocks.ts';
import { sniffBytes, sniffContainer } from '../src/probe/sniff.ts';
import { type ClockReading, StreamClock } from '../src/probe/stream-clock.ts';
import { parseDescription, pickStreams } from '../src/probe/streams.ts';
import { corpusFiles } from './corpus.ts';
import { ffmpeg, pictures, temporaryFolder, tone, tools, x264 } from './samples.ts';

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());
const at = (name: string) => join(folder.path, name);
const limits = defaultSourceLimits;
/** As usual, for films of half a minute. */
const extent = { ...usualExtent, smallestBytes: 0, edgeSeconds: 2, windows: 4, windowSeconds: 1 };
/** An index tells of keyframes, so that windows are short; these have a few dozen pictures. */
const indexedExtent = { ...extent, windowSeconds: 2 };

async function inputOf(path: string) {
  const { size: sizeBytes } = await stat(path);
  await using file = await open(path);
  const head = Buffer.alloc(Math.min(sniffBytes, sizeBytes));
  await file.read(head, 0, head.length, 0);
  return { tools, path, container: sniffContainer(head), sizeBytes, limits };
}

/** What the clocks of all streams say, from samples and from a scan of all packets. */
async function bothWays(path: string) {
  const input = await inputOf(path);
  const picked = pickStreams(parseDescription(await describeStreams(input), limits), limits);
  await using file = await open(path);
  const samples = await sampleSource(
    input,
    file,
    /(film|ntsc|late)\.mkv$/.test(path) ? indexedExtent : extent,
  );
  const sampled = samples && clocksFromSamples(samples, picked);
  const streams = [...(picked.video ? [picked.video] : []), ...picked.audios];
  const scanned = new Map(
    streams.map((stream) => [
      stream.index,
      new StreamClock(stream.timeBase, stream === picked.video ? undefined : stream.raw.start_pts),
    ]),
  );
  await scanPackets(input, (packet) => scanned.get(packet.streamIndex)?.add(packet));
  const read = (clocks: Map<number, StreamClock>) =>
    streams.map(({ index }) => clocks.get(index)?.read(limits.maxGapSeconds, { num: 25, den: 1 }));
  return { hasVideo: picked.video !== undefined, sampled: sampled && read(sampled), scanned: read(scanned) };
}

type Readings = readonly (ClockReading | undefined)[];

/** Of sound nobody asks for a rate or for keyframes, and packets are counted about. */
function expectSame(sampled: Readings, scanned: Readings, hasVideo: boolean) {
  expect(sampled).toHaveLength(scanned.length);
  for (const [index, scan] of scanned.entries()) {
    const sample = sampled[index];
    if (scan === undefined || sample === undefined) throw new Error(`Stream ${index} has no time.`);
    expect(sample.startSeconds).toBeCloseTo(scan.startSeconds, 9);
    expect(sample.endSeconds).toBeCloseTo(scan.endSeconds, 9);
    expect(sample.lastFrameSeconds).toBeCloseTo(scan.lastFrameSeconds, 9);
    expect(sample.spans).toHaveLength(scan.spans.length);
    if (index === 0 && hasVideo) {
      expect(sample.packetCount).toBe(scan.packetCount);
      expect(sample.rate).toEqual(scan.rate);
      expect(sample.maxKeyframeIntervalSeconds).toBeGreaterThan(scan.maxKeyframeIntervalSeconds - 1e-6);
      expect(sample.maxKeyframeIntervalSeconds).toBeLessThan(scan.maxKeyframeIntervalSeconds * 1.1);
    } else expect(Math.abs(sample.packetCount / scan.packetCount - 1)).toBeLessThan(0.002);
  }
}

const copy = (...args: string[]) => ['-map', '0', '-c', 'copy', ...args];
const clusters = ['-cluster_time_limit', '500'];
const film = (rate: string, seconds = 40) => [...pictures('64x48', rate, seconds), ...tone(seconds)];
const h264 = [...x264, '-bf', '2', '-g', '12', '-b:v', '60k'];

/** Films that are encoded, and files that are cut out of the first one. */
const encoded: Record<string, string[]> = {
  'film.mkv': [...film('25'), '-map', '0', '-map', '1', '-map', '1', ...h264, '-c:a', 'aac', ...clusters],
  'ntsc.mkv': [...film('30000/1001'), ...h264, '-c:a', 'libopus', ...clusters],
  'cinema.ts': [...film('24000/1001'), ...h264, '-c:a', 'mp2'],
  'live.webm': [
    ...film('30'),
    ...['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-g', '15', '-c:a', 'libopus'],
    ...['-f', 'webm', '-live', '1'],
  ],
  'short-sound.ts': [...pictures('64x48', '25', 40), ...tone(20), ...h264, '-c:a', 'aac'],
  'sound.mka': [...tone(36), '-c:a', 'libopus', ...clusters],
};
const copied: Record<string, string[]> = {
  'late.mkv': copy('-output_ts_offset', '3.3', ...clusters),
  'plain.ts': copy(),
  'camera.ts': copy('-mpegts_m2ts_mode', '1'),
  // 2³³ ticks are 95,443.7 s.
  'wrapped.ts': copy('-output_ts_offset', '95400'),
  'wrapped-early.ts': copy('-output_ts_offset', '95435'),
};
const cut: Record<string, string> = { 'cut.mkv': 'film.mkv', 'cut.ts': 'plain.ts', 'cut.webm': 'live.webm' };

/** Films whose time is not that of any place of theirs. */
const jump = "setpts='PTS+gte(N,450)*600/TB'";
const silent = [...pictures('64x48', '25', 36)];
const variable = ['-vf', "select='gt(random(1),0.4)'", '-fps_mode', 'vfr'];
const odd: Record<string, string[]> = {
  'gap.mkv': [...silent, '-vf', jump, '-fps_mode', 'vfr', ...h264, ...clusters],
  'variable.mkv': [...silent, ...variable, ...h264, ...clusters],
  'half-variable.mkv': [
    ...[...silent, '-vf', "select='lt(t,18)+gt(random(1),0.4)'", '-fps_mode', 'vfr'],
    ...[...h264, ...clusters],
  ],
};

beforeAll(async () => {
  for (const [name, args] of Object.entries({ ...encoded, ...odd })) await ffmpeg(...args, at(name));
  for (const [name, args] of Object.entries(copied)) await ffmpeg('-i', at('film.mkv'), ...args, at(name));
  for (const name of ['gap', 'half-variable'])
    await ffmpeg('-i', at(`${name}.mkv`), ...copy(), at(`${name}.ts`));
  // Without seeking nothing can be written behind: no index, no length.
  const piped = await ffmpegBytes('-i', at('film.mkv'), ...copy(...clusters), '-f', 'matroska', '-');
  await writeFile(at('no-index.mkv'), piped);
  for (const [name, whole] of Object.entries(cut)) {
    const bytes = await readFile(at(whole));
    await writeFile(at(name), bytes.subarray(0, Math.floor(bytes.length * 0.93) - 77));
  }
  const twice = await readFile(at('plain.ts'));
  await writeFile(at('twice.ts'), Buffer.concat([twice, twice]));
}, 300_000);

async function ffmpegBytes(...args: string[]): Promise<Buffer> {
  const { execFile } = await import('node:child_process');
  return await new Promise((resolve, reject) => {
    const options = { encoding: 'buffer' as const, maxBuffer: 2 ** 26 };
    execFile(tools.ffmpeg, ['-v', 'error', '-nostdin', ...args], options, (error, stdout) =>
      error ? reject(error) : resolve(stdout),
    );
  });
}

describe('samples say what a scan of all packets says', () => {
  test.each([...Object.keys(encoded), ...Object.keys(copied), ...Object.keys(cut), 'no-index.mkv'])(
    '%s',
    async (name) => {
      const { sampled, scanned, hasVideo } = await bothWays(at(name));
      if (sampled === undefined) throw new Error('The samples are not used.');
      expectSame(sampled, scanned, hasVideo);
    },
  );
});

describe('what samples cannot tell is scanned', () => {
  test.each([...Object.keys(odd), 'gap.ts', 'half-variable.ts', 'twice.ts'])('%s', async (name) => {
    expect((await bothWays(at(name))).sampled).toBeUndefined();
  });
});

describe('hostile files', () => {
  test.each(['film.mkv', 'no-index.mkv', 'live.webm', 'plain.ts'])(
    '%s with flipped bits is refused, or has windows within the file',
    async (name) => {
      const { container } = await inputOf(at(name));
      const whole = await readFile(at(name));
      const path = at(`flipped-${name}`);
      let seed = 1;
      const random = (below: number) => {
        seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
        return seed % below;
      };
      for (let round = 0; round < 40; round++) {
        const bytes = Buffer.from(whole);
        for (let flips = 1 + random(40); flips > 0; flips--) {
          const place = random(4) === 0 ? random(bytes.length) : random(600);
          bytes[place] = random(2) === 0 ? (bytes[place] ?? 0) ^ (1 << random(8)) : 255;
        }
        await writeFile(path, bytes.subarray(0, random(5) === 0 ? random(bytes.length) : bytes.length));
        await using file = await open(path);
        const { size } = await file.stat();
        const places = placesOf(container)?.(bytesOfFile(file, size, 20 * whole.length));
        const windows = await places
          ?.then((found) => findWindows(found, extent))
          .catch((error) => {
            if (error instanceof SamplingRefusal) return [];
            throw error;
          });
        let end = 0;
        for (const window of windows ?? []) {
          expect(window.start).toBeGreaterThanOrEqual(end);
          expect(window.end).toBeGreaterThan(window.start);
          end = window.end;
        }
        expect(end).toBeLessThanOrEqual(size);
      }
    },
  );
});

const real = corpusFiles(import.meta.filename);
describe.skipIf(real.length === 0)('real media', () => {
  test('no samples say anything else than a scan', { timeout: 120_000 }, async () => {
    for (const { name, path, decodes } of real) {
      if (!decodes || placesOf((await inputOf(path)).container) === undefined) continue;
      const { sampled, scanned, hasVideo } = await bothWays(path);
      if (sampled === undefined) continue;
      expectSame(sampled, scanned, hasVideo);
      console.info(`${name} is sampled.`);
    }
  });
});
