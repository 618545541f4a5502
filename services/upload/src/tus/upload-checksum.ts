import { createHash } from 'node:crypto';
import { KerkisError } from '@kerkis/errors';
import { headerInvalid } from './headers.ts';

/** Compares the bytes of one request with its `Upload-Checksum`. */
export interface UploadChecksum {
  add(bytes: Uint8Array): void;
  /** Throws UPLOAD_CHECKSUM_MISMATCH. */
  check(): void;
}

/** Parses `<algorithm> <base64>`. Throws TUS_HEADER_INVALID, CHECKSUM_ALGORITHM_UNSUPPORTED. */
export function uploadChecksum(value: string, algorithms: readonly string[]): UploadChecksum {
  const [algorithm = '', digest = '', ...more] = value.split(' ');
  if (!algorithms.includes(algorithm)) {
    throw new KerkisError(
      'invalid',
      'CHECKSUM_ALGORITHM_UNSUPPORTED',
      `Upload-Checksum may use ${algorithms.join(', ')}.`,
    );
  }
  const hash = createHash(algorithm);
  const expected = Buffer.from(digest, 'base64');
  if (more.length > 0 || expected.toString('base64') !== digest) {
    throw headerInvalid('Upload-Checksum', 'must be an algorithm, a space and the digest in base64');
  }
  return {
    add: (bytes) => hash.update(bytes),
    check() {
      if (hash.digest().equals(expected)) return;
      throw new KerkisError(
        'invalid',
        'UPLOAD_CHECKSUM_MISMATCH',
        'The bytes of this request are not what Upload-Checksum says; none of them count. Send them again.',
      );
    },
  };
}
