import { CreateBucketCommand, HeadBucketCommand, PutBucketCorsCommand } from '@aws-sdk/client-s3';
import { KerkisError } from '@kerkis/errors';
import type { BucketClient } from './client.ts';
import { bucketNotFound, isNotImplemented, s3Code, s3Status, toS3Error } from './errors.ts';

/** Resolves when the bucket is there and may be used. */
export async function pingBucket({ client, bucket }: BucketClient): Promise<void> {
  try {
    await client.send(new HeadBucketCommand({ Bucket: bucket }));
  } catch (error) {
    throw s3Status(error) === 404 ? bucketNotFound(error) : toS3Error(error, '');
  }
}

/** Makes the bucket unless it is there. */
export async function ensureBucket({ client, bucket }: BucketClient): Promise<void> {
  try {
    await client.send(new HeadBucketCommand({ Bucket: bucket }));
    return;
  } catch (error) {
    if (s3Status(error) !== 404) throw toS3Error(error, '');
  }
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
  } catch (error) {
    // Another process was quicker.
    if (s3Code(error) !== 'BucketAlreadyOwnedByYou') throw toS3Error(error, '');
  }
}

/** Lets pages of these origins use presigned URLs; replaces the bucket's CORS rules. */
export async function ensureCors(
  { client, bucket }: BucketClient,
  origins: readonly string[],
): Promise<void> {
  const rule = {
    AllowedOrigins: [...origins],
    AllowedMethods: ['GET', 'HEAD', 'PUT'],
    AllowedHeaders: ['*'],
    // A browser has to read the etag of each part that it sent.
    ExposeHeaders: ['ETag'],
    MaxAgeSeconds: 3600,
  };
  const command = new PutBucketCorsCommand({ Bucket: bucket, CORSConfiguration: { CORSRules: [rule] } });
  try {
    await client.send(command);
  } catch (error) {
    if (!isNotImplemented(error)) throw toS3Error(error, '');
    throw new KerkisError(
      'unsupported',
      'CORS_UNSUPPORTED',
      'The object storage has no CORS rules in its S3 API. Leave the origins empty and set them with its own tools.',
      { cause: error },
    );
  }
}
