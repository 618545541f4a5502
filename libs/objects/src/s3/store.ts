import type { ObjectStore } from '../object-store.ts';
import { ensureBucket, ensureCors, pingBucket } from './bucket.ts';
import { createClient, type S3StoreOptions } from './client.ts';
import { copyMethod } from './copy.ts';
import { deleteMethods } from './delete.ts';
import { multipartMethods } from './multipart.ts';
import { presignMethods } from './presign.ts';
import { putMethod } from './put.ts';
import { readMethods } from './read.ts';

/** Opens a bucket as an object store. Talks to the server only when the bucket or its CORS rules are to be ensured. */
export async function openS3Store(options: S3StoreOptions): Promise<ObjectStore> {
  const { bucket, conditionalPut = true, bulkDelete = true } = options;
  await using cleanup = new AsyncDisposableStack();
  const target = { bucket, client: cleanup.adopt(createClient(options), (client) => client.destroy()) };
  const publicClient = createClient(options, options.publicEndpoint ?? options.endpoint);
  cleanup.defer(() => publicClient.destroy());
  if (options.ensureBucket) await ensureBucket(target);
  if (options.corsOrigins && options.corsOrigins.length > 0) await ensureCors(target, options.corsOrigins);
  const reads = readMethods(target);
  const resources = cleanup.move();
  return {
    kind: 's3',
    presign: true,
    put: putMethod(target, { conditionalPut }),
    copy: copyMethod(target, reads.head),
    ...reads,
    ...deleteMethods(target, { bulkDelete }),
    ...multipartMethods(target),
    ...presignMethods({ bucket, client: publicClient }),
    ping: () => pingBucket(target),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
