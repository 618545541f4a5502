import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { isKerkisError, KerkisError } from '@kerkis/errors';
import { bytesOf, checkPartNumber, checkPartOrder, discardBody, partInvalid } from '../body.ts';
import { contentTypeOf } from '../content-type.ts';
import { multipartNotFound } from '../failures.ts';
import { checkKey, checkPrefix, isObjectKey } from '../key.ts';
import type {
  MultipartInfo,
  NamedPart,
  ObjectBody,
  ObjectStore,
  PartInfo,
  PartRef,
  PutOptions,
  PutResult,
} from '../object-store.ts';
import { answer, type BucketClient } from './client.ts';
import { s3Status, toS3Error } from './errors.ts';
import { bareEtag, head } from './read.ts';
import { sendStream } from './send-stream.ts';

/** Parts up to this size are held in memory, so that a failed request can be made again. */
export const bufferedBytes = 8 * 1024 * 1024;

/** Multipart uploads are the server's own. */
export function multipartMethods(
  target: BucketClient,
): Pick<
  ObjectStore,
  'createMultipart' | 'putPart' | 'listParts' | 'completeMultipart' | 'abortMultipart' | 'listMultiparts'
> {
  return {
    async createMultipart(key, options) {
      return await createMultipart(target, checkKey(key), options);
    },

    async putPart(key, uploadId, partNumber, body, sizeBytes) {
      try {
        checkUpload(key, uploadId);
        checkPartNumber(partNumber);
        return await putPart(target, { key, uploadId, partNumber }, body, sizeBytes);
      } catch (error) {
        discardBody(body);
        throw error;
      }
    },

    async listParts(key, uploadId) {
      checkUpload(key, uploadId);
      return await listParts(target, key, uploadId);
    },

    async completeMultipart(key, uploadId, parts) {
      checkUpload(key, uploadId);
      const known = parts.every((part) => part.sizeBytes !== undefined);
      const held = known ? [] : await listParts(target, key, uploadId);
      checkPartOrder(parts);
      const sizeBytes = known ? sumOf(parts) : sumOf(namedParts(held, parts));
      return await answer(completeMultipart(target, { key, uploadId }, parts, { sizeBytes }), key);
    },

    async abortMultipart(key, uploadId) {
      checkKey(key);
      if (isUploadId(uploadId)) await abortMultipart(target, key, uploadId);
    },

    async *listMultiparts(prefix) {
      yield* listMultiparts(target, checkPrefix(prefix));
    },
  };
}

/** Begins a multipart upload. */
export async function createMultipart(
  { client, bucket }: BucketClient,
  key: string,
  { contentType, cacheControl }: Pick<PutOptions, 'contentType' | 'cacheControl'> = {},
): Promise<string> {
  const command = new CreateMultipartUploadCommand({
    Bucket: bucket,
    Key: key,
    ContentType: contentType ?? contentTypeOf(key),
    CacheControl: cacheControl,
  });
  const { UploadId } = await answer(client.send(command), key);
  if (!UploadId) throw new KerkisError('internal', 'INTERNAL', 'The object storage gave no upload id.');
  return UploadId;
}

/** Puts one part of a checked upload. */
export async function putPart(
  { client, bucket }: BucketClient,
  part: { readonly key: string; readonly uploadId: string; readonly partNumber: number },
  body: ObjectBody,
  sizeBytes: number,
): Promise<{ etag: string }> {
  const input = { Bucket: bucket, Key: part.key, UploadId: part.uploadId, PartNumber: part.partNumber };
  const { ETag } =
    sizeBytes <= bufferedBytes
      ? await sendBytes(await bytesOf(body, sizeBytes))
      : await sendStream(body, sizeBytes, part.key, (Body, options) =>
          client.send(new UploadPartCommand({ ...input, Body, ContentLength: sizeBytes }), options),
        );
  return { etag: bareEtag(ETag) };

  async function sendBytes(Body: Uint8Array) {
    return await answer(client.send(new UploadPartCommand({ ...input, Body })), part.key);
  }
}

/**
 * Completes an upload whose parts make `sizeBytes`, and looks whether that is what the store has now. Errors of the
 * completion itself are the SDK's.
 */
export async function completeMultipart(
  target: BucketClient,
  { key, uploadId }: { readonly key: string; readonly uploadId: string },
  parts: readonly PartRef[],
  { sizeBytes, ifNoneMatch }: { readonly sizeBytes: number; readonly ifNoneMatch?: '*' | undefined },
): Promise<PutResult> {
  const command = new CompleteMultipartUploadCommand({
    Bucket: target.bucket,
    Key: key,
    UploadId: uploadId,
    IfNoneMatch: ifNoneMatch,
    MultipartUpload: {
      Parts: parts.map(({ partNumber, etag }) => ({ PartNumber: partNumber, ETag: `"${etag}"` })),
    },
  });
  let failure: unknown;
  try {
    await target.client.send(command);
  } catch (error) {
    // The answer to an earlier try may have been lost.
    if (toS3Error(error, key).reason !== 'MULTIPART_NOT_FOUND') throw error;
    failure = error;
  }
  // Ceph answers an empty ETag, so the object itself is asked.
  const info = await head(target, key);
  if (info?.sizeBytes === sizeBytes) return { etag: info.etag, sizeBytes };
  if (failure) throw multipartNotFound(key, failure);
  throw new KerkisError(
    'data_loss',
    'OBJECT_DAMAGED',
    'The object storage completed the upload, but the object is not the sum of its parts. Upload it again.',
    { details: { key, expectedBytes: String(sizeBytes), sizeBytes: String(info?.sizeBytes ?? 0) } },
  );
}

/** Drops an upload; nothing happens when there is none. */
export async function abortMultipart(
  { client, bucket }: BucketClient,
  key: string,
  uploadId: string,
): Promise<void> {
  try {
    await client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: uploadId }));
  } catch (error) {
    if (s3Status(error) !== 404) throw toS3Error(error, key);
  }
}

async function listParts(
  { client, bucket }: BucketClient,
  key: string,
  uploadId: string,
): Promise<PartInfo[]> {
  const parts: PartInfo[] = [];
  let marker: string | undefined;
  do {
    const input = { Bucket: bucket, Key: key, UploadId: uploadId, PartNumberMarker: marker };
    const page = await requestParts(client.send(new ListPartsCommand(input)), key);
    for (const { PartNumber, ETag, Size } of page.Parts ?? []) {
      parts.push({ partNumber: PartNumber ?? 0, etag: bareEtag(ETag), sizeBytes: Size ?? 0 });
    }
    marker = page.IsTruncated ? page.NextPartNumberMarker : undefined;
  } while (marker !== undefined);
  return parts;
}

async function requestParts<T>(request: Promise<T>, key: string): Promise<T> {
  try {
    return await answer(request, key);
  } catch (error) {
    // Some servers say NoSuchKey for an upload that is not there.
    if (isKerkisError(error) && error.reason === 'OBJECT_NOT_FOUND') throw multipartNotFound(key, error);
    throw error;
  }
}

async function* listMultiparts(
  { client, bucket }: BucketClient,
  prefix: string,
): AsyncGenerator<MultipartInfo> {
  let marker: { KeyMarker: string; UploadIdMarker: string | undefined } | undefined;
  do {
    const command = new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix, ...marker });
    const page = await answer(client.send(command));
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      if (!Key?.startsWith(prefix) || !isObjectKey(Key) || UploadId === undefined) continue;
      yield { key: Key, uploadId: UploadId, createdAt: Initiated ?? new Date(0) };
    }
    marker =
      page.IsTruncated && page.NextKeyMarker
        ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
        : undefined;
  } while (marker !== undefined);
}

function namedParts(held: readonly PartInfo[], named: readonly PartRef[]): PartInfo[] {
  const byNumber = new Map(held.map((part) => [part.partNumber, part]));
  return named.map(({ partNumber, etag }) => {
    const part = byNumber.get(partNumber);
    if (part?.etag !== etag) throw partDiffers(partNumber);
    return part;
  });
}

function sumOf(parts: readonly NamedPart[]): number {
  return parts.reduce((sum, { sizeBytes = 0 }) => sum + sizeBytes, 0);
}

function checkUpload(key: string, uploadId: string): void {
  checkKey(key);
  if (!isUploadId(uploadId)) throw multipartNotFound(key);
}

/** Upload ids are opaque, but an empty one turns the request into another, and servers on a directory take it for a path. */
function isUploadId(uploadId: string): boolean {
  return typeof uploadId === 'string' && /^(?!\.{1,2}$)[!-.0-[\]-~]{1,1024}$/.test(uploadId);
}

function partDiffers(partNumber: number): KerkisError {
  return partInvalid(`Part ${partNumber} is missing or is not the one that was named. Put it again.`, {
    partNumber: String(partNumber),
  });
}
