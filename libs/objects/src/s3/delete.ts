import { DeleteObjectCommand, DeleteObjectsCommand } from '@aws-sdk/client-s3';
import { checkDirectoryPrefix, checkKey } from '../key.ts';
import type { DeletePrefixOptions, ObjectStore } from '../object-store.ts';
import type { BucketClient } from './client.ts';
import { s3Code, s3Status, toS3Error } from './errors.ts';
import { listAll } from './read.ts';

/** Most keys that DeleteObjects takes. */
const batchSize = 1000;

/** How many deletes run at a time where a server takes them one by one. */
const parallel = 8;

/** The methods that delete. */
export function deleteMethods(
  target: BucketClient,
  { bulkDelete }: { readonly bulkDelete: boolean },
): Pick<ObjectStore, 'delete' | 'deletePrefix'> {
  let isBulk = bulkDelete;

  async function deleteBatch(
    keys: readonly string[],
    fence: DeletePrefixOptions['fence'] = () => {},
  ): Promise<void> {
    let rest = keys;
    if (isBulk) {
      await fence();
      const refused = await deleteAtOnce(target, keys);
      isBulk = refused !== 'unknown';
      rest = refused === 'unknown' ? keys : refused;
    }
    for (let first = 0; first < rest.length; first += parallel) {
      await fence();
      await Promise.all(rest.slice(first, first + parallel).map((key) => deleteOne(target, key)));
    }
  }

  return {
    async delete(key) {
      await deleteOne(target, checkKey(key));
    },

    async deletePrefix(prefix, { fence } = {}) {
      checkDirectoryPrefix(prefix);
      let count = 0;
      let batch: string[] = [];
      for await (const { key } of listAll(target, prefix)) {
        batch.push(key);
        if (batch.length < batchSize) continue;
        await deleteBatch(batch, fence);
        count += batch.length;
        batch = [];
      }
      if (batch.length > 0) await deleteBatch(batch, fence);
      return count + batch.length;
    },
  };
}

/** Deletes many; gives those that were refused, or `unknown` when the server cannot do it. */
async function deleteAtOnce(
  { client, bucket }: BucketClient,
  keys: readonly string[],
): Promise<string[] | 'unknown'> {
  const Delete = { Objects: keys.map((Key) => ({ Key })), Quiet: true };
  try {
    const { Errors = [] } = await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete }));
    return Errors.flatMap(({ Key }) => (Key === undefined ? [] : [Key]));
  } catch (error) {
    // OpenStack Swift wants Content-MD5 (400), others do not know the operation at all.
    if ([400, 405, 411, 501].includes(s3Status(error) ?? 0)) return 'unknown';
    throw toS3Error(error, '');
  }
}

async function deleteOne({ client, bucket }: BucketClient, key: string): Promise<void> {
  try {
    await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
  } catch (error) {
    if (s3Code(error) !== 'NoSuchKey' && s3Code(error) !== 'NotFound') throw toS3Error(error, key);
  }
}
