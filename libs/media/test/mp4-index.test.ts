import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultSourceLimits } from '../src/index.ts';
import { describeStreams, scanPackets } from '../src/probe/ffprobe.ts';
import { clocksFromIndex } from '../src/probe/index-clock.ts';
import { readMp4Index } from '../src/probe/mp4/mp4-index.ts';
import { readMp4Structure } from '../src/probe/mp4-structure.ts';
import { sniffContainer } from '../src/probe/sniff.ts';
import { StreamClock } from '../src/probe/stream-clock.ts';
import { parseDescription, pickStreams } from '../src/probe/streams.ts';
import { findCopyable } from '../src/remux/find-copyable.ts';
import { corpusFiles } from './corpus.ts';
import { ffmpeg, pictures, temporaryFolder, tone, tools, x264 } from './samples.ts';

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());
const limits = defaultSourceLimits;

async function indexOf(path: string) {
  await using file = await open(path);
  const { size } = await file.stat();
  const { moov, fragments, isCutOff } = await readMp4Structure(file, size);
  return moov && fragments && !isCutOff ? readMp4Index({ moov, fragments, fileBytes: size }) : undefined;
}

/** What the clocks of all streams say, from the index and from a scan of all packets. */
async function bothWays(path: string) {
  const { size: sizeBytes } = await import('node:fs/promises').then((fs) => fs.stat(path));
  const input = { tools, path, container: 'mov' as const, sizeBytes, limits };
  const picked = pickStreams(parseDescription(await describeStreams(input), limits), limits);
  const streams = [...(picked.video ? [picked.video] : []), ...picked.audios];
  const index = await indexOf(path);
  const indexed = index && clocksFromIndex(index, picked);
  const scanned = new Map(
    streams.map((stream) => [
      stream.index,
      new StreamClock(stream.timeBase, stream.raw.codec_type === 'audio' ? stream.raw.start_pts : undefined),
    ]),
  );
  await scanPackets(input, (packet) => scanned.get(packet.streamIndex)?.add(packet));
  const readings = (clocks: Map<number, StreamClock>) =>
    streams.map((stream) => {
      const reading = clocks.get(stream.index)?.read(limits.maxGapSeconds, { num: 25, den: 1 });
      // Of sound nobody asks for keyframes.
      return stream.raw.codec_type === 'audio' ? { ...reading, maxKeyframeIntervalSeconds: 0 } : reading;
    });
  return { indexed: indexed && readings(indexed), scanned: readings(scanned) };
}

const film = [...pictures('64x48', '25', 2), ...tone(2)];
const aac = ['-c:a', 'aac'];
const fragmented = '+frag_keyframe+empty_moov+default_base_moof';

/** Every way of writing time into an MP4 that ffmpeg has, and what is cut from it. */
const generated: Record<string, string[]> = {
  'plain.mp4': [...film, ...x264, ...aac],
  'reordered.mp4': [...film, ...x264, '-bf', '2', ...aac],
  'negative-offsets.mp4': [...film, ...x264, '-bf', '2', ...aac, '-movflags', '+negative_cts_offsets'],
  'late.mp4': [...film, ...x264, '-bf', '2', ...aac, '-output_ts_offset', '1.3'],
  'variable.mp4': [...film, '-vf', "select='mod(n,7)'", '-fps_mode', 'vfr', ...x264, '-bf', '2', ...aac],
  'pieces.mp4': [...film, ...x264, '-bf', '2', '-g', '25', ...aac, '-movflags', fragmented],
  'late-moov.mp4': [...film, ...x264, '-bf', '2', ...aac, '-movflags', '+frag_keyframe+delay_moov'],
  'uncompressed.mov': [...film, '-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p', '-c:a', 'pcm_s24le'],
  'mp3.mp4': [...film, ...x264, '-c:a', 'libmp3lame'],
  'ac3.mp4': [...film, ...x264, '-c:a', 'ac3'],
  'opus.mp4': [...film, '-c:v', 'mpeg4', '-bf', '2', '-c:a', 'libopus'],
  'sound.m4a': [...tone(2, 44_100), ...aac],
};
/** Cut without decoding, so that edit lists begin and end between keyframes. */
const cuts: Record<string, string[]> = {
  'cut-after.mp4': ['-i', 'reordered.mp4', '-ss', '0.73', '-c', 'copy'],
  'cut-before.mp4': ['-ss', '0.73', '-i', 'reordered.mp4', '-c', 'copy'],
  'short.mp4': ['-i', 'reordered.mp4', '-t', '1.11', '-c', 'copy'],
};

describe('the index says what a scan of all packets says', () => {
  beforeAll(async () => {
    for (const [name, args] of Object.entries({ ...generated, ...cuts })) {
      await ffmpeg(
        ...args.map((arg) => (arg in generated ? join(folder.path, arg) : arg)),
        join(folder.path, name),
      );
    }
  });

  test.each([...Object.keys(generated), ...Object.keys(cuts)])('%s', async (name) => {
    const { indexed, scanned } = await bothWays(join(folder.path, name));
    expect(indexed, 'the index is used').toBeDefined();
    expect(indexed).toEqual(scanned);
  });

  test('an index in two places is not used', async () => {
    const path = join(folder.path, 'hybrid.mp4');
    await ffmpeg(...film, ...x264, '-g', '25', ...aac, '-movflags', '+frag_keyframe', path);
    expect((await bothWays(path)).indexed).toBeUndefined();
  });
});

describe('hostile indexes', () => {
  const names = ['reordered.mp4', 'pieces.mp4', 'uncompressed.mov'];

  /** Reads all that an index can tell; how many samples it claims. */
  async function readAll(path: string): Promise<number> {
    const index = await indexOf(path);
    await using file = await open(path);
    let samples = (index && (await findCopyable(file, index)))?.frameCount ?? 0;
    for (let id = 1; id <= 3; id++) {
      index?.prepare();
      samples += index?.samplesOf(id)?.table.count ?? 0;
      samples += index?.packetsOf(id)?.presented.times.length ?? 0;
    }
    return samples;
  }

  test.each(names)(
    '%s with flipped bits never throws and never claims more than the file holds',
    async (name) => {
      const whole = await readFile(join(folder.path, name));
      const path = join(folder.path, `flipped-${name}`);
      const boxes = [...whole.toString('latin1').matchAll(/moov|moof/g)].map(({ index }) => index - 4);
      let seed = 1;
      const random = (below: number) => {
        seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
        return seed % below;
      };
      for (let round = 0; round < 150; round++) {
        const bytes = Buffer.from(whole);
        const start = boxes[random(boxes.length)] ?? 0;
        for (let flips = 1 + random(4); flips > 0; flips--) {
          const at = Math.min(bytes.length - 1, start + random(4000));
          // Single bits, and whole bytes: 255 makes the largest numbers.
          bytes[at] = random(2) === 0 ? (bytes[at] ?? 0) ^ (1 << random(8)) : 255;
        }
        await writeFile(path, bytes);
        expect(await readAll(path)).toBeLessThanOrEqual(whole.length * 6);
      }
    },
  );

  test.each(names)('%s cut off anywhere has no index', async (name) => {
    const whole = await readFile(join(folder.path, name));
    const path = join(folder.path, `cut-${name}`);
    for (let part = 0; part < 40; part++) {
      await writeFile(path, whole.subarray(0, Math.floor((whole.length * part) / 40)));
      await readAll(path);
    }
    await writeFile(path, whole.subarray(0, -1));
    expect(await indexOf(path)).toBeUndefined();
  });
});

const real = corpusFiles(import.meta.filename);
describe.skipIf(real.length === 0)('real media', () => {
  test('no index says anything else than a scan', { timeout: 120_000 }, async () => {
    let used = 0;
    for (const { name, path, decodes } of real) {
      const head = Buffer.alloc(64 * 1024);
      await using file = await open(path);
      const { bytesRead } = await file.read(head, 0, head.length, 0);
      if (!decodes || sniffContainer(head.subarray(0, bytesRead)) !== 'mov') continue;
      const { indexed, scanned } = await bothWays(path);
      if (indexed === undefined) continue;
      used++;
      expect(indexed, name).toEqual(scanned);
    }
    expect(used).toBeGreaterThan(30);
  });
});
