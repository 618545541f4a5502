import { open, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultSourceLimits } from '../src/index.ts';
import { countSoundPackets } from '../src/probe/audio-frames/sound-packets.ts';
import { describeStreams, scanPackets } from '../src/probe/ffprobe.ts';
import { sniffBytes, sniffContainer } from '../src/probe/sniff.ts';
import { StreamClock } from '../src/probe/stream-clock.ts';
import { parseDescription, pickStreams } from '../src/probe/streams.ts';
import { corpusFiles } from './corpus.ts';
import { ffmpeg, temporaryFolder, tone, tools } from './samples.ts';

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());
const at = (name: string) => join(folder.path, name);
const limits = defaultSourceLimits;

/** What the clock of the only sound says, from counting its packets and from a scan of them all. */
async function bothWays(path: string) {
  const { size: sizeBytes } = await stat(path);
  await using file = await open(path);
  const head = Buffer.alloc(Math.min(sniffBytes, sizeBytes));
  await file.read(head, 0, head.length, 0);
  const input = { tools, path, container: sniffContainer(head), sizeBytes, limits };
  const count = await countSoundPackets(input, file, 0);
  const picked = pickStreams(parseDescription(await describeStreams(input), limits), limits);
  const [stream] = picked.audios;
  if (stream === undefined) throw new Error('There is no sound.');
  const scanned = new StreamClock(stream.timeBase, stream.raw.start_pts);
  await scanPackets(input, (packet) => packet.streamIndex === stream.index && scanned.add(packet));
  // Of sound nobody asks for keyframes.
  const read = (clock: StreamClock | undefined) =>
    clock && { ...clock.read(limits.maxGapSeconds), maxKeyframeIntervalSeconds: 0 };
  return { counted: read(count?.(picked)?.get(stream.index)), scanned: read(scanned) };
}

const sound = tone(12, 44_100);
const generated: Record<string, string[]> = {
  'constant.mp3': [...sound, '-b:a', '96k'],
  'variable.mp3': [...sound, '-q:a', '4'],
  'low.mp3': [...sound, '-ar', '22050'],
  'tagged.mp3': [
    ...sound,
    '-write_xing',
    '0',
    '-id3v2_version',
    '0',
    '-write_id3v1',
    '1',
    '-metadata',
    'title=x',
  ],
  'plain.aac': [...sound, '-c:a', 'aac'],
  'plain.wav': sound,
  'float.wav': [...sound, '-c:a', 'pcm_f32le', '-ac', '1'],
  'plain.flac': sound,
};

beforeAll(async () => {
  for (const [name, args] of Object.entries(generated)) await ffmpeg(...args, at(name));
}, 120_000);

describe('counted packets say what a scan of them says', () => {
  test.each(Object.keys(generated))('%s', async (name) => {
    const { counted, scanned } = await bothWays(at(name));
    expect(counted, 'the count is used').toBeDefined();
    expect(counted).toEqual(scanned);
  });
});

describe('hostile files', () => {
  test.each(['variable.mp3', 'plain.aac', 'plain.wav', 'plain.flac'])(
    '%s cut off is scanned',
    async (name) => {
      const whole = await readFile(at(name));
      const path = at(`cut-${name}`);
      await writeFile(path, whole.subarray(0, Math.floor(whole.length * 0.8) - 13));
      expect((await bothWays(path)).counted).toBeUndefined();
    },
  );

  test.each(['constant.mp3', 'plain.aac'])('%s with something else between is scanned', async (name) => {
    const whole = await readFile(at(name));
    const path = at(`between-${name}`);
    const half = whole.length >> 1;
    await writeFile(path, Buffer.concat([whole.subarray(0, half), Buffer.alloc(99), whole.subarray(half)]));
    expect((await bothWays(path)).counted).toBeUndefined();
  });

  test.each(['variable.mp3', 'plain.wav', 'plain.flac'])(
    '%s with a broken header never throws',
    async (name) => {
      const whole = await readFile(at(name));
      const path = at(`broken-${name}`);
      for (let place = 4; place < 44; place += 5) {
        const bytes = Buffer.from(whole);
        bytes[place] = 255;
        await writeFile(path, bytes);
        await using file = await open(path);
        const container = sniffContainer(whole.subarray(0, sniffBytes));
        await countSoundPackets({ tools, path, container, sizeBytes: bytes.length, limits }, file, 0);
      }
    },
  );
});

const real = corpusFiles(import.meta.filename).filter(({ name }) => /\.(mp3|aac|adts|wav|flac)$/.test(name));
describe.skipIf(real.length === 0)('real media', () => {
  test('no count says anything else than a scan', { timeout: 120_000 }, async () => {
    for (const { name, path, decodes } of real) {
      if (!decodes) continue;
      const { counted, scanned } = await bothWays(path);
      if (counted === undefined) console.info(`${name} is scanned.`);
      else expect(counted, name).toEqual(scanned);
    }
  });
});
