import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitAdtsFrames } from './adts.ts';
import { box } from './box.ts';
import { splitBoxes } from './box-splitter.ts';
import { readFragment } from './media-segment.ts';

async function* inPieces(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  const marks = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  let from = 0;
  for (const to of [...marks, bytes.length]) {
    if (to > from) yield bytes.subarray(from, to);
    from = to;
  }
}

const anyBoxes = fc.array(
  fc.tuple(fc.constantFrom('ftyp', 'moof', 'mdat'), fc.uint8Array({ maxLength: 200 })),
  { maxLength: 8 },
);
const anyCuts = fc.array(fc.nat(2000), { maxLength: 30 });

test('boxes come out whole however the stream is cut', async () => {
  await fc.assert(
    fc.asyncProperty(anyBoxes, anyCuts, async (parts, cuts) => {
      const stream = Buffer.concat(parts.map(([type, content]) => box(type, content)));
      const found = await Array.fromAsync(splitBoxes(inPieces(stream, cuts)));
      expect(found.map(({ type, content }) => [type, content.toString('hex')])).toEqual(
        parts.map(([type, content]) => [type, Buffer.from(content).toString('hex')]),
      );
    }),
  );
});

test('a box of an impossible or forbidden size, and a stream cut off, are typed errors', async () => {
  const read = (bytes: Uint8Array) => Array.fromAsync(splitBoxes(inPieces(bytes, []), 1000));
  await expect(read(Buffer.from('00000004666f6f6f', 'hex'))).rejects.toMatchObject({ reason: 'BOX_INVALID' });
  await expect(read(Buffer.from('7fffffff6d646174', 'hex'))).rejects.toMatchObject({ reason: 'BOX_INVALID' });
  await expect(read(box('mdat', Buffer.alloc(20)).subarray(0, 20))).rejects.toMatchObject({
    reason: 'ENCODER_OUTPUT_CUT_OFF',
  });
});

test('a fragment of any bytes is read or refused, never more', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const moof = box('moof', box('traf', box('tfhd', Buffer.alloc(8)), box('trun', bytes)));
      try {
        expect(readFragment(moof).samples.length).toBeGreaterThan(0);
      } catch (error) {
        expect(error).toMatchObject({ reason: 'BOX_INVALID' });
      }
    }),
  );
});

test('ADTS frames come out without their headers however the stream is cut', async () => {
  const anyFrames = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(anyFrames, anyCuts, async (frames, cuts) => {
      const stream = Buffer.concat(frames.flatMap((frame) => [adtsHeader(frame.length + 7), frame]));
      const found = await Array.fromAsync(splitAdtsFrames(inPieces(stream, cuts)), (frame) =>
        frame.toString('hex'),
      );
      expect(found).toEqual(frames.map((frame) => Buffer.from(frame).toString('hex')));
    }),
  );
  const noise = Array.fromAsync(splitAdtsFrames(inPieces(Buffer.alloc(64), [])));
  await expect(noise).rejects.toMatchObject({ reason: 'ENCODER_OUTPUT_UNEXPECTED' });
});

function adtsHeader(length: number): Buffer {
  return Buffer.from([
    0xff,
    0xf1,
    0x4c,
    0x80 | (length >> 11),
    (length >> 3) & 0xff,
    ((length & 7) << 5) | 0x1f,
    0xfc,
  ]);
}
