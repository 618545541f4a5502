import { createCipheriv } from 'node:crypto';

const block = 16;

/**
 * Encrypts a range in place as `cbcs` does: of each `crypt` + `skip` blocks the first `crypt`, chained from the IV on; all blocks where both
 * are 0. What is left of a block at the end stays clear.
 */
export function encryptPattern(
  bytes: Buffer,
  range: { readonly start: number; readonly end: number },
  { crypt, skip }: { readonly crypt: number; readonly skip: number },
  { key, iv }: { readonly key: Uint8Array; readonly iv: Uint8Array },
): void {
  const blocks = Math.floor((range.end - range.start) / block);
  if (blocks === 0) return;
  const cipher = createCipheriv('aes-128-cbc', key, iv).setAutoPadding(false);
  if (skip === 0) {
    const end = range.start + blocks * block;
    cipher.update(bytes.subarray(range.start, end)).copy(bytes, range.start);
    return;
  }
  const rounds = Math.ceil(blocks / (crypt + skip));
  const gathered = Buffer.allocUnsafe(rounds * crypt * block);
  let gatheredBytes = 0;
  const each = (visit: (from: number, until: number) => void) => {
    for (let first = 0; first < blocks; first += crypt + skip) {
      visit(range.start + first * block, range.start + Math.min(first + crypt, blocks) * block);
    }
  };
  each((from, until) => {
    gatheredBytes += bytes.copy(gathered, gatheredBytes, from, until);
  });
  const encrypted = cipher.update(gathered.subarray(0, gatheredBytes));
  let at = 0;
  each((from, until) => {
    at += encrypted.copy(bytes, from, at, at + until - from);
  });
}
