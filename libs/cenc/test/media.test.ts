import { createDecipheriv } from 'node:crypto';
import { tempDir } from '@kerkis/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { boxAt, boxesIn, viewOf } from '../src/boxes.ts';
import { readFragment } from '../src/fragment.ts';
import {
  commonSystemId,
  encryptAes128,
  protectInit,
  protectSegment,
  psshBox,
  readTrack,
  sequenceIv,
} from '../src/index.ts';
import { type Clip, clips, decoded, makeClip, sliceHeaderBits } from './clips.ts';

const key = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
const keyId = Buffer.from('a0a1a2a3a4a5a6a7a8a9aaabacadaeaf', 'hex');
const iv = Buffer.from('0f0e0d0c0b0a09080706050403020100', 'hex');
const pssh = psshBox(commonSystemId, [keyId]);
const names = Object.keys(clips) as (keyof typeof clips)[];
const protectable = names.filter((name) => name !== 'vp9');
const withSlices = names.filter((name) => /^(?:avc|hevc)/.test(name));

const stack = new AsyncDisposableStack();
const made = new Map<keyof typeof clips, Clip>();
let directory: string;
beforeAll(async () => {
  directory = stack.use(await tempDir('cenc')).path;
  for (const name of names) made.set(name, await makeClip(directory, name));
});
afterAll(() => stack.disposeAsync());
const clip = (name: keyof typeof clips) => made.get(name) as Clip;

const protectedClip = ({ init, segment }: Clip) => ({
  init: protectInit(init, { keyId, iv }, [pssh]),
  segment: protectSegment(segment, readTrack(init), { key, iv }),
});

describe.each(protectable)('%s by cbcs', (name) => {
  test('decrypts in ffmpeg to the frames that it was made of, and not without the key', async () => {
    const clear = await decoded(directory, clip(name));
    expect(clear).toMatch(/^#format: frame checksums/);
    const secret = protectedClip(clip(name));
    expect(await decoded(directory, secret, key)).toBe(clear);
    expect(await decoded(directory, secret)).not.toBe(clear);
    expect(await decoded(directory, secret, Buffer.alloc(16, 1))).not.toBe(clear);
  });

  test('is the same each time, and says what it is', () => {
    const once = protectedClip(clip(name));
    expect(protectedClip(clip(name))).toEqual(once);
    const moov = boxAt(once.init, ['moov']);
    expect(boxesIn(once.init, moov.content, moov.end).at(-1)?.type).toBe('pssh');
    expect(once.init.includes(Buffer.from('cbcs'))).toBe(true);
    expect(() => readTrack(once.init)).toThrow(
      expect.objectContaining({ reason: 'ENCRYPTION_NOT_SUPPORTED' }),
    );
    expect(() => protectSegment(once.segment, readTrack(clip(name).init), { key, iv })).toThrow(
      expect.objectContaining({ reason: 'ENCRYPTION_NOT_SUPPORTED' }),
    );
  });
});

test.each(withSlices)('slice headers of %s are as long as ffmpeg says', async (name) => {
  const { init, segment, file } = clip(name);
  const track = readTrack(init);
  const { units } = track;
  if (!units) throw new Error('there are no NAL units');
  const bytes = viewOf(segment);
  const read: number[] = [];
  for (const moof of boxesIn(bytes).filter(({ type }) => type === 'moof')) {
    for (const { start, end } of readFragment(bytes, moof, track.defaultSampleBytes).samples) {
      for (let at = start; at < end; ) {
        const from = at + units.lengthBytes;
        at = from + bytes.readUIntBE(from - units.lengthBytes, units.lengthBytes);
        const clear = units.clearBytes(bytes, from, at);
        const kept =
          bytes
            .subarray(from, from + clear)
            .toString('hex')
            .match(/../g)
            ?.join(' ') ?? '';
        const emulation = kept.split('00 00 03').length - 1;
        if (clear < at - from) read.push(clear - emulation);
      }
    }
  }
  const told = await sliceHeaderBits(file);
  expect(told.length).toBeGreaterThan(49);
  // HEVC aligns the header itself, with one bit at least, which ffmpeg counts or not.
  const bytesOf = (bits: number) => [Math.ceil(bits / 8), Math.floor(bits / 8) + 1];
  const allowed = told.map((bits) => (name.startsWith('avc') ? [Math.ceil(bits / 8)] : bytesOf(bits)));
  expect(read.length).toBe(told.length);
  expect(read.filter((count, index) => !allowed[index]?.includes(count))).toEqual([]);
});

test('pictures without NAL units are refused', () => {
  expect(() => readTrack(clip('vp9').init)).toThrow(
    expect.objectContaining({ kind: 'unsupported', reason: 'ENCRYPTION_NOT_SUPPORTED' }),
  );
});

test('whole segments decrypt to what they were', () => {
  const { segment } = clip('avc');
  const secret = encryptAes128(segment, key, sequenceIv(258));
  expect(sequenceIv(258).toString('hex')).toBe('00000000000000000000000000000102');
  expect(secret.length).toBe(segment.length + 16 - (segment.length % 16));
  const decipher = createDecipheriv('aes-128-cbc', key, sequenceIv(258));
  expect(Buffer.concat([decipher.update(secret), decipher.final()])).toEqual(segment);
});

test.each(protectable)('%s that is cut off or changed is refused or encrypted, and nothing else', (name) => {
  const { init, segment } = clip(name);
  const track = readTrack(init);
  let seed = 1;
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  const tries = (bytes: Buffer, use: (changed: Buffer) => unknown) => {
    for (let round = 0; round < 300; round += 1) {
      const changed = Buffer.from(round % 3 === 0 ? bytes.subarray(0, random(bytes.length)) : bytes);
      const head = Math.min(changed.length, 3_000);
      for (let count = random(4); count >= 0 && head > 0; count -= 1) changed[random(head)] = random(256);
      try {
        use(changed);
      } catch (error) {
        expect(error).toMatchObject({
          reason: expect.stringMatching(/^(?:MEDIA_MALFORMED|ENCRYPTION_NOT_SUPPORTED)$/),
        });
      }
    }
  };
  tries(segment, (changed) => protectSegment(changed, track, { key, iv }));
  tries(init, (changed) => {
    readTrack(changed);
    protectInit(changed, { keyId, iv }, [pssh]);
  });
});
