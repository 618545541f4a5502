import { GetObjectCommand, PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { KerkisError } from '@kerkis/errors';
import { checkPartNumber } from '../body.ts';
import { checkKey } from '../key.ts';
import type { ObjectStore, PresignOptions } from '../object-store.ts';
import { answer, type BucketClient } from './client.ts';

/** Longest life of a presigned URL that S3 allows: 7 days. */
const maxExpirySeconds = 604_800;

/** Signs URLs with the client of the public endpoint; makes no request. */
export function presignMethods({
  client,
  bucket,
}: BucketClient): Required<Pick<ObjectStore, 'presignPut' | 'presignPart' | 'presignGet'>> {
  return {
    async presignPut(key, { sizeBytes, contentType, ...options } = {}) {
      const input = {
        Bucket: bucket,
        Key: checkKey(key),
        ContentLength: sizeBytes,
        ContentType: contentType,
      };
      const signing = { ...expiry(options), signableHeaders: new Set(['content-type']) };
      return await answer(getSignedUrl(client, new PutObjectCommand(input), signing), key);
    },

    async presignPart(key, uploadId, partNumber, { sizeBytes, ...options } = {}) {
      checkPartNumber(partNumber);
      const command = new UploadPartCommand({
        Bucket: bucket,
        Key: checkKey(key),
        UploadId: uploadId,
        PartNumber: partNumber,
        ContentLength: sizeBytes,
      });
      return await answer(getSignedUrl(client, command, expiry(options)), key);
    },

    async presignGet(key, options = {}) {
      const command = new GetObjectCommand({ Bucket: bucket, Key: checkKey(key) });
      return await answer(getSignedUrl(client, command, expiry(options)), key);
    },
  };
}

function expiry({ expiresInSeconds = 900 }: PresignOptions): { expiresIn: number } {
  if (!Number.isInteger(expiresInSeconds) || expiresInSeconds < 1 || expiresInSeconds > maxExpirySeconds) {
    throw new KerkisError(
      'invalid',
      'PRESIGN_EXPIRY_INVALID',
      `A presigned URL lives 1 to ${maxExpirySeconds} whole seconds.`,
    );
  }
  return { expiresIn: expiresInSeconds };
}
