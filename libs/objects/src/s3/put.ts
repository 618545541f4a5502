import { PutObjectCommand } from '@aws-sdk/client-s3';
import { bytesOf, chunksOf, discardBody } from '../body.ts';
import { contentTypeOf } from '../content-type.ts';
import { objectExists } from '../failures.ts';
import { checkKey } from '../key.ts';
import type { ObjectBody, ObjectStore, PartRef, PutOptions, PutResult } from '../object-store.ts';
import type { BucketClient } from './client.ts';
import { isNotImplemented, s3Status, toS3Error } from './errors.ts';
import { abortMultipart, bufferedBytes, completeMultipart, createMultipart, putPart } from './multipart.ts';
import { bareEtag, head } from './read.ts';
import { sendStream } from './send-stream.ts';

/** Largest object that one PutObject takes. */
const singlePutBytes = 5 * 1024 ** 3;

/** Tries of a conditional put that meets another one of the same key. */
const conflictTries = 3;

/** Puts: bytes and small streams from memory, larger ones of known size as one stream, the rest in parts. */
export function putMethod(
  target: BucketClient,
  { conditionalPut }: { readonly conditionalPut: boolean },
): ObjectStore['put'] {
  let isConditional = conditionalPut;

  /** Does a put that may be done again, conditionally where the server knows how. */
  async function commit<T>(
    key: string,
    ifAbsent: boolean,
    put: (ifNoneMatch: '*' | undefined) => Promise<T>,
  ): Promise<T> {
    if (!ifAbsent) return await mapped(key, put(undefined));
    for (let attempt = 1; isConditional; attempt += 1) {
      try {
        return await put('*');
      } catch (error) {
        const isConflict = s3Status(error) === 409 && attempt < conflictTries;
        if (isNotImplemented(error)) isConditional = false;
        else if (!isConflict) throw toS3Error(error, key);
      }
    }
    await refuseExisting(target, key);
    return await mapped(key, put(undefined));
  }

  async function putBytes(key: string, bytes: Uint8Array, options: PutOptions): Promise<PutResult> {
    const input = putInput(target, key, options);
    const { ETag } = await commit(key, options.ifAbsent ?? false, (IfNoneMatch) =>
      target.client.send(new PutObjectCommand({ ...input, Body: bytes, IfNoneMatch })),
    );
    return await putResult(target, key, ETag, bytes.length);
  }

  async function putStream(key: string, body: ObjectBody, sizeBytes: number, options: PutOptions) {
    const input = putInput(target, key, options);
    const { ETag } = await sendStream(body, sizeBytes, key, (Body, sending) =>
      target.client.send(new PutObjectCommand({ ...input, Body, ContentLength: sizeBytes }), sending),
    );
    return await putResult(target, key, ETag, sizeBytes);
  }

  async function putParts(key: string, pieces: AsyncIterable<Uint8Array>, options: PutOptions) {
    const uploadId = await createMultipart(target, key, options);
    try {
      const parts: PartRef[] = [];
      let sizeBytes = 0;
      for await (const piece of pieces) {
        const partNumber = parts.length + 1;
        const part = await putPart(target, { key, uploadId, partNumber }, piece, piece.length);
        parts.push({ partNumber, ...part });
        sizeBytes += piece.length;
      }
      return await commit(key, options.ifAbsent ?? false, (ifNoneMatch) =>
        completeMultipart(target, { key, uploadId }, parts, { sizeBytes, ifNoneMatch }),
      );
    } catch (error) {
      // The failure at hand says more than one of the clean-up.
      await abortMultipart(target, key, uploadId).catch(() => undefined);
      throw error;
    }
  }

  async function putUnknown(key: string, pieces: AsyncGenerator<Uint8Array>, options: PutOptions) {
    try {
      const { value: first = new Uint8Array(0) } = await pieces.next();
      if (first.length < pieceBytes(1, options.sizeBytes)) return await putBytes(key, first, options);
      // Spares the upload of what could not be kept.
      if (options.ifAbsent) await refuseExisting(target, key);
      return await putParts(key, withFirst(first, pieces), options);
    } finally {
      await pieces.return(undefined);
    }
  }

  return async (key, body, options = {}) => {
    const { sizeBytes, ifAbsent } = options;
    try {
      checkKey(key);
      const knownBytes = sizeBytes ?? Number.POSITIVE_INFINITY;
      if (body instanceof Uint8Array || knownBytes <= bufferedBytes) {
        return await putBytes(key, await bytesOf(body, sizeBytes), options);
      }
      if (knownBytes <= singlePutBytes && !ifAbsent) {
        return await putStream(key, body, knownBytes, options);
      }
      return await putUnknown(key, piecesOf(chunksOf(body, sizeBytes), sizeBytes), options);
    } catch (error) {
      discardBody(body);
      throw error;
    }
  };
}

/**
 * Size of a part: 8 MiB for the first 2500, then twice as much each 2500, which makes 300 GiB in the 10000 parts that
 * there may be; more only when the size is known to need it.
 */
function pieceBytes(partNumber: number, sizeBytes: number | undefined): number {
  if (sizeBytes !== undefined) return Math.max(bufferedBytes, Math.ceil(sizeBytes / 10_000));
  return bufferedBytes * 2 ** Math.floor((partNumber - 1) / 2500);
}

/** Chunks put together to pieces of the size of a part; only the last may be smaller. */
async function* piecesOf(
  chunks: AsyncIterable<Uint8Array>,
  sizeBytes: number | undefined,
): AsyncGenerator<Uint8Array> {
  let partNumber = 1;
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  for await (let chunk of chunks) {
    for (;;) {
      const wantedBytes = pieceBytes(partNumber, sizeBytes) - heldBytes;
      const taken = chunk.subarray(0, wantedBytes);
      held.push(taken);
      heldBytes += taken.length;
      if (taken.length < wantedBytes) break;
      yield Buffer.concat(held);
      partNumber += 1;
      held = [];
      heldBytes = 0;
      chunk = chunk.subarray(wantedBytes);
      if (chunk.length === 0) break;
    }
  }
  if (heldBytes > 0) yield Buffer.concat(held);
}

async function* withFirst(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

function putInput({ bucket }: BucketClient, key: string, { contentType, cacheControl }: PutOptions) {
  return {
    Bucket: bucket,
    Key: key,
    ContentType: contentType ?? contentTypeOf(key),
    CacheControl: cacheControl,
  };
}

async function putResult(
  target: BucketClient,
  key: string,
  etag: string | undefined,
  sizeBytes: number,
): Promise<PutResult> {
  const bare = bareEtag(etag) || (await head(target, key))?.etag;
  return { etag: bare ?? '', sizeBytes };
}

async function refuseExisting(target: BucketClient, key: string): Promise<void> {
  if (await head(target, key)) throw objectExists(key);
}

async function mapped<T>(key: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw toS3Error(error, key);
  }
}
