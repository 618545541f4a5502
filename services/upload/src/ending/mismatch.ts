import { KerkisError } from '@kerkis/errors';

/** Throws CHECKSUM_MISMATCH when another SHA-256 was declared. */
export function checkChecksum(declared: string, sha256: string): void {
  if (!declared || declared === sha256) return;
  throw new KerkisError(
    'invalid',
    'CHECKSUM_MISMATCH',
    'The SHA-256 of what arrived is not the declared one: the file changed or was damaged on its way. Upload it again.',
    { details: { declared, sha256 } },
  );
}

/** `invalid SIZE_MISMATCH`. */
export function sizeMismatch(declaredBytes: number, storedBytes: number): KerkisError {
  return new KerkisError(
    'invalid',
    'SIZE_MISMATCH',
    `The file was declared with ${declaredBytes} bytes, but ${storedBytes} are stored. Upload it again.`,
    { details: { declaredBytes: String(declaredBytes), storedBytes: String(storedBytes) } },
  );
}
