import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutBucketCorsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type S3Server, startS3 } from './index.ts';

let server: S3Server;
let client: S3Client;

beforeAll(async () => {
  server = await startS3();
  client = clientWith(server.secretAccessKey);
});

afterAll(async () => {
  client?.destroy();
  await server?.[Symbol.asyncDispose]();
});

test('a forged signature is refused', async () => {
  await put('kept', 'secret');
  const forger = clientWith('guessed');
  await expect(
    forger.send(new GetObjectCommand({ Bucket: server.bucket, Key: 'kept' })),
  ).rejects.toMatchObject({
    name: 'SignatureDoesNotMatch',
  });
  expect((await fetch(`${server.endpoint}/${server.bucket}/kept`)).status).toBe(403);
  const url = await getSignedUrl(client, new GetObjectCommand({ Bucket: server.bucket, Key: 'kept' }));
  expect((await fetch(url)).status).toBe(200);
  expect((await fetch(url.replace('/kept', '/other'))).status).toBe(403);
  forger.destroy();
});

test('a conditional put does not overwrite', async () => {
  await put('once', 'first', { IfNoneMatch: '*' });
  await expect(put('once', 'second', { IfNoneMatch: '*' })).rejects.toMatchObject({
    $metadata: { httpStatusCode: 412 },
  });
  expect(await text('once')).toBe('first');
});

test('ranges, listing and deletion', async () => {
  await put('list/a', '0123456789');
  await put('list/b/c', 'x');
  const ranged = await client.send(
    new GetObjectCommand({ Bucket: server.bucket, Key: 'list/a', Range: 'bytes=2-4' }),
  );
  expect(await ranged.Body?.transformToString()).toBe('234');
  expect(ranged.ContentRange).toBe('bytes 2-4/10');
  expect(await keys('list/')).toEqual(['list/a', 'list/b/c']);
  await client.send(new DeleteObjectCommand({ Bucket: server.bucket, Key: 'list/a' }));
  expect(await keys('list/')).toEqual(['list/b/c']);
  await expect(
    client.send(new HeadObjectCommand({ Bucket: server.bucket, Key: 'list/a' })),
  ).rejects.toMatchObject({
    name: 'NotFound',
  });
});

test('parts go up through presigned addresses and nothing is visible before completion', async () => {
  const target = { Bucket: server.bucket, Key: 'multi' };
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(target));
  const sizes = [5 * 1024 * 1024, 7];
  const parts = [];
  for (const [index, size] of sizes.entries()) {
    const part = { ...target, UploadId, PartNumber: index + 1 };
    const url = await getSignedUrl(client, new UploadPartCommand(part));
    const response = await fetch(url, { method: 'PUT', body: new Uint8Array(size) });
    expect(response.status).toBe(200);
    parts.push({ PartNumber: index + 1, ETag: response.headers.get('etag') ?? '' });
  }
  expect(await keys('multi')).toEqual([]);
  await client.send(
    new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts: parts } }),
  );
  const head = await client.send(new HeadObjectCommand(target));
  expect(head.ContentLength).toBe(5 * 1024 * 1024 + 7);
  const second = await client.send(new CreateMultipartUploadCommand(target));
  await client.send(new AbortMultipartUploadCommand({ ...target, UploadId: second.UploadId }));
});

test('a browser of an allowed origin may put', async () => {
  const Bucket = await server.createBucket();
  const rule = { AllowedMethods: ['PUT'], AllowedOrigins: ['https://app.example'], ExposeHeaders: ['ETag'] };
  await client.send(
    new PutBucketCorsCommand({
      Bucket,
      CORSConfiguration: { CORSRules: [{ ...rule, AllowedHeaders: ['*'] }] },
    }),
  );
  const preflight = (origin: string) =>
    fetch(`${server.endpoint}/${Bucket}/k`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'PUT' },
    });
  expect((await preflight('https://app.example')).headers.get('access-control-allow-origin')).toBe(
    'https://app.example',
  );
  expect((await preflight('https://evil.example')).headers.get('access-control-allow-origin')).toBeNull();
});

function clientWith(secretAccessKey: string): S3Client {
  return new S3Client({
    endpoint: server.endpoint,
    region: server.region,
    credentials: { accessKeyId: server.accessKeyId, secretAccessKey },
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
}

function put(Key: string, Body: string, more: { IfNoneMatch?: string } = {}) {
  return client.send(new PutObjectCommand({ Bucket: server.bucket, Key, Body, ...more }));
}

async function text(Key: string): Promise<string | undefined> {
  const object = await client.send(new GetObjectCommand({ Bucket: server.bucket, Key }));
  return object.Body?.transformToString();
}

async function keys(Prefix: string): Promise<(string | undefined)[]> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: server.bucket, Prefix }));
  return Contents.map((object) => object.Key);
}
