import { createCipheriv } from 'node:crypto';

/**
 * A whole segment as HLS' METHOD=AES-128 has it (RFC 8216bis, 4.4.4.4): AES-128 in CBC mode with PKCS #7 padding, so up to 16 bytes longer.
 * Key and IV have 16 bytes, else RangeError.
 */
export function encryptAes128(segment: Uint8Array, key: Uint8Array, iv: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-128-cbc', key, iv);
  return Buffer.concat([cipher.update(segment), cipher.final()]);
}

/** The IV of a segment for which the playlist names none: its media sequence number as 128 bits, big-endian. */
export function sequenceIv(mediaSequence: number): Buffer {
  const iv = Buffer.alloc(16);
  iv.writeBigUInt64BE(BigInt(mediaSequence), 8);
  return iv;
}
