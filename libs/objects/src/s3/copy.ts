import { CopyObjectCommand } from '@aws-sdk/client-s3';
import { objectExists } from '../failures.ts';
import { checkKey } from '../key.ts';
import type { ObjectStore } from '../object-store.ts';
import type { BucketClient } from './client.ts';
import { toS3Error } from './errors.ts';

/** Copies within the bucket; its server does it. Objects of more than 5 GiB are refused by it. */
export function copyMethod({ client, bucket }: BucketClient, head: ObjectStore['head']): ObjectStore['copy'] {
  return async (from, to, { ifAbsent } = {}) => {
    const source = checkKey(from).split('/').map(encodeURIComponent).join('/');
    const input = { Bucket: bucket, Key: checkKey(to), CopySource: `${bucket}/${source}` };
    if (ifAbsent && (await head(to))) throw objectExists(to);
    try {
      await client.send(new CopyObjectCommand(input));
    } catch (error) {
      throw toS3Error(error, from);
    }
  };
}
