import { KerkisError } from '@kerkis/errors';
import type { ObjectBody, PartRef } from './object-store.ts';

/** Highest part number of a multipart upload, on S3 and here. */
const maxPartNumber = 10_000;

/**
 * The chunks of a body; a size that differs from the declared one throws `invalid OBJECT_SIZE_MISMATCH`. The chunk that
 * reaches the declared size is held back until the body ends: a receiver that counts would take it as the last.
 */
export async function* chunksOf(body: ObjectBody, sizeBytes?: number): AsyncGenerator<Uint8Array> {
  let seenBytes = 0;
  let last: Uint8Array | undefined;
  for await (const chunk of body instanceof Uint8Array ? [body] : body) {
    if (!(chunk instanceof Uint8Array)) {
      throw new KerkisError('internal', 'INTERNAL', 'An object body gave a chunk that is not bytes.');
    }
    if (chunk.length === 0) continue;
    seenBytes += chunk.length;
    if (sizeBytes !== undefined && seenBytes > sizeBytes)
      throw sizeMismatch(sizeBytes, `${seenBytes} or more`);
    if (seenBytes === sizeBytes) last = chunk;
    else yield chunk;
  }
  if (sizeBytes !== undefined && seenBytes < sizeBytes) throw sizeMismatch(sizeBytes, String(seenBytes));
  if (last) yield last;
}

/** The bytes of a body of a declared size in one piece. */
export async function bytesOf(body: ObjectBody, sizeBytes?: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of chunksOf(body, sizeBytes)) chunks.push(chunk);
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
}

/** Lets go of a stream that will not be read, so that its file or socket is closed. */
export function discardBody(body: ObjectBody): void {
  if ('destroy' in body && typeof body.destroy === 'function') body.destroy();
}

/** Throws `invalid MULTIPART_PART_INVALID` unless the number is 1 to 10000. */
export function checkPartNumber(partNumber: number): void {
  if (!Number.isInteger(partNumber) || partNumber < 1 || partNumber > maxPartNumber) {
    throw partInvalid(`Part numbers are whole numbers from 1 to ${maxPartNumber}.`);
  }
}

/** Throws `invalid MULTIPART_PART_INVALID` unless there are parts, in ascending order. */
export function checkPartOrder(parts: readonly PartRef[]): void {
  if (parts.length === 0) throw partInvalid('A multipart upload needs at least one part to be completed.');
  let last = 0;
  for (const { partNumber } of parts) {
    checkPartNumber(partNumber);
    if (partNumber <= last) throw partInvalid('Name each part once, in ascending order of its number.');
    last = partNumber;
  }
}

/** `invalid MULTIPART_PART_INVALID` with its message. */
export function partInvalid(message: string, details: Readonly<Record<string, string>> = {}): KerkisError {
  return new KerkisError('invalid', 'MULTIPART_PART_INVALID', message, { details });
}

function sizeMismatch(declaredBytes: number, actual: string): KerkisError {
  return new KerkisError(
    'invalid',
    'OBJECT_SIZE_MISMATCH',
    `The body was declared with ${declaredBytes} bytes but has ${actual}. Send exactly what was declared.`,
    { details: { declaredBytes: String(declaredBytes) } },
  );
}
