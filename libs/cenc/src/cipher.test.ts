import { createDecipheriv } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encryptPattern } from './cipher.ts';

const key = Buffer.alloc(16, 1);
const iv = Buffer.alloc(16, 2);

/** Block by block, as the standard tells it. */
function decrypted(bytes: Buffer, start: number, end: number, crypt: number, skip: number): Buffer {
  const clear = Buffer.from(bytes);
  let chain: Buffer = iv;
  for (let block = 0; start + (block + 1) * 16 <= end; block += 1) {
    if (skip > 0 && block % (crypt + skip) >= crypt) continue;
    const at = start + block * 16;
    const decipher = createDecipheriv('aes-128-ecb', key, null).setAutoPadding(false);
    const plain = decipher.update(bytes.subarray(at, at + 16));
    for (let i = 0; i < 16; i += 1) clear[at + i] = (plain[i] ?? 0) ^ (chain[i] ?? 0);
    chain = bytes.subarray(at, at + 16);
  }
  return clear;
}

test('encrypts the blocks of the pattern, chained, and nothing around them', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 1_000 }),
      fc.nat(200),
      fc.nat(1_000),
      fc.constantFrom([1, 9], [5, 5], [0, 0]),
      (clear, from, length, [crypt = 0, skip = 0]) => {
        const start = Math.min(from, clear.length);
        const end = Math.min(start + length, clear.length);
        const bytes = Buffer.from(clear);
        encryptPattern(bytes, { start, end }, { crypt, skip }, { key, iv });
        expect(bytes.length).toBe(clear.length);
        expect(decrypted(bytes, start, end, crypt, skip)).toEqual(Buffer.from(clear));
        if (end - start >= 16) expect(bytes).not.toEqual(Buffer.from(clear));
      },
    ),
  );
});
