import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { toolPath } from '@kerkis/tools';
import { freePort } from './free-port.ts';
import { startServerProcess } from './server-process.ts';
import { tempDir } from './temp-dir.ts';

/** An S3 server with one empty bucket. The fields are what an S3 client wants to know; use path-style addresses. */
export interface S3Server extends AsyncDisposable {
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
  readonly region: string;
  /** An empty bucket. */
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Directory in which the server keeps buckets as folders and objects as files; look, don't touch. */
  readonly directory: string;
  /** Makes one more empty bucket and returns its name. */
  createBucket(): Promise<string>;
}

/**
 * Starts versitygw (signature V4 verified, conditional writes, CORS, multipart, ranges) on a directory of its own.
 * The file system of the system's temporary files must have extended attributes.
 */
export async function startS3(): Promise<S3Server> {
  const command = toolPath('versitygw', process.env);
  await using cleanup = new AsyncDisposableStack();
  const root = cleanup.use(await tempDir('s3')).path;
  const directory = join(root, 'buckets');
  await mkdir(directory);
  const port = await freePort();
  const region = 'eu-test-1';
  const credentials = { accessKeyId: randomUUID(), secretAccessKey: randomUUID() };
  cleanup.use(
    await startServerProcess({
      name: 'versitygw',
      command,
      args: [
        '--port',
        `127.0.0.1:${port}`,
        '--region',
        region,
        '--quiet',
        '--keep-alive',
        'posix',
        directory,
      ],
      directory: root,
      // Not as arguments: every user of the machine can read those.
      environment: {
        ROOT_ACCESS_KEY_ID: credentials.accessKeyId,
        ROOT_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      },
      port,
    }),
  );
  const endpoint = `http://127.0.0.1:${port}`;
  const client = cleanup.adopt(
    new S3Client({ endpoint, region, credentials, forcePathStyle: true }),
    (created) => created.destroy(),
  );
  const createBucket = async () => {
    const name = `test-${randomUUID()}`;
    await client.send(new CreateBucketCommand({ Bucket: name }));
    return name;
  };
  const bucket = await createBucket();
  const resources = cleanup.move();
  return {
    endpoint,
    region,
    bucket,
    ...credentials,
    directory,
    createBucket,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
