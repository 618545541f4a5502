import { addAbortSignal, Readable } from 'node:stream';
import {
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { KerkisError } from '@kerkis/errors';
import { contentTypeOf } from '../content-type.ts';
import { objectTooLarge, rangeNotSatisfiable, storageUnavailable, throwIfAborted } from '../failures.ts';
import { checkKey, checkPrefix, isObjectKey } from '../key.ts';
import type { ByteRange, GetOptions, ObjectEntry, ObjectInfo, ObjectStore } from '../object-store.ts';
import { checkRange, cutRange } from '../range.ts';
import { guardBody } from './body.ts';
import { answer, type BucketClient } from './client.ts';
import { s3Code, s3Status, toS3Error } from './errors.ts';

/** The methods that only read. */
export function readMethods(target: BucketClient): Pick<ObjectStore, 'get' | 'getBytes' | 'head' | 'list'> {
  return {
    async get(key, options = {}) {
      const { output, info, bodyBytes } = await open(target, key, options);
      const body = guardBody(bodyOf(output), bodyBytes, key);
      return { ...info, bodyBytes, body: options.signal ? addAbortSignal(options.signal, body) : body };
    },

    async getBytes(key, { maxBytes, signal }) {
      const { output, info } = await open(target, key, { signal });
      if (info.sizeBytes > maxBytes) {
        bodyOf(output).destroy();
        throw objectTooLarge(key, info.sizeBytes, maxBytes);
      }
      const chunks: Uint8Array[] = [];
      try {
        for await (const chunk of guardBody(bodyOf(output), info.sizeBytes, key)) chunks.push(chunk);
      } catch (error) {
        throwIfAborted(signal);
        throw error;
      }
      return Buffer.concat(chunks);
    },

    async head(key) {
      return await head(target, checkKey(key));
    },

    async *list(prefix) {
      for await (const entry of listAll(target, checkPrefix(prefix))) {
        // A bucket may hold what others put there.
        if (isObjectKey(entry.key)) yield entry;
      }
    },
  };
}

/** What is known of an object; undefined when there is none. */
export async function head({ client, bucket }: BucketClient, key: string): Promise<ObjectInfo | undefined> {
  try {
    return infoOf(key, await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key })));
  } catch (error) {
    if (s3Status(error) === 404) return undefined;
    throw toS3Error(error, key);
  }
}

/** Everything whose key begins with the prefix, keys that are none of ours included. */
export async function* listAll(
  { client, bucket }: BucketClient,
  prefix: string,
): AsyncGenerator<ObjectEntry> {
  let token: string | undefined;
  do {
    const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token });
    const page = await answer(client.send(command));
    for (const { Key, Size, ETag, LastModified } of page.Contents ?? []) {
      if (Key === undefined) continue;
      yield { key: Key, sizeBytes: Size ?? 0, etag: bareEtag(ETag), modifiedAt: LastModified ?? new Date(0) };
    }
    token = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}

/** An ETag as it is in a header, without its quotes. */
export function bareEtag(etag: string | undefined): string {
  return (etag ?? '').replace(/^W\//, '').replaceAll('"', '');
}

async function open(target: BucketClient, key: string, { range, signal }: GetOptions) {
  checkKey(key);
  if (range) checkRange(range);
  throwIfAborted(signal);
  const output = await request(target, key, range, signal);
  const bodyBytes = output.ContentLength ?? 0;
  const total = /\/(\d+)$/.exec(output.ContentRange ?? '')?.[1];
  const sizeBytes = total === undefined ? bodyBytes : Number(total);
  try {
    if (range) checkAnsweredRange(key, range, sizeBytes, bodyBytes);
  } catch (error) {
    bodyOf(output).destroy();
    throw error;
  }
  return { output, bodyBytes, info: { ...infoOf(key, output), sizeBytes } };
}

async function request(
  target: BucketClient,
  key: string,
  range: ByteRange | undefined,
  signal: AbortSignal | undefined,
): Promise<GetObjectCommandOutput> {
  const command = new GetObjectCommand({
    Bucket: target.bucket,
    Key: key,
    Range: range && `bytes=${range.start}-${range.end ?? ''}`,
  });
  try {
    return await target.client.send(command, signal ? { abortSignal: signal } : {});
  } catch (error) {
    if (s3Status(error) !== 416 && s3Code(error) !== 'InvalidRange') throw toS3Error(error, key);
    throw rangeNotSatisfiable(key, (await head(target, key))?.sizeBytes ?? 0);
  }
}

function checkAnsweredRange(key: string, range: ByteRange, sizeBytes: number, bodyBytes: number): void {
  const { start, end } = cutRange(key, sizeBytes, range);
  if (end - start + 1 === bodyBytes) return;
  throw new KerkisError(
    'unsupported',
    'STORAGE_RANGE_IGNORED',
    'The object storage answered other bytes than the range that was asked for. Use a server that knows ranges.',
    { details: { key } },
  );
}

function infoOf(
  key: string,
  answered: Pick<GetObjectCommandOutput, 'ContentLength' | 'ETag' | 'LastModified' | 'ContentType'>,
): ObjectInfo {
  return {
    key,
    sizeBytes: answered.ContentLength ?? 0,
    etag: bareEtag(answered.ETag),
    modifiedAt: answered.LastModified ?? new Date(0),
    contentType: answered.ContentType || contentTypeOf(key),
  };
}

function bodyOf(output: GetObjectCommandOutput): Readable {
  if (output.Body instanceof Readable) return output.Body;
  throw storageUnavailable(new Error('the answer has no body'));
}
