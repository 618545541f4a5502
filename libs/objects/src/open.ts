import { type FilesystemStoreOptions, openFilesystemStore } from './filesystem/store.ts';
import type { ObjectStore } from './object-store.ts';
import type { S3StoreOptions } from './s3/client.ts';
import { openS3Store } from './s3/store.ts';

/** Which store to open. */
export type ObjectStoreOptions =
  | ({ readonly kind: 'filesystem' } & FilesystemStoreOptions)
  | ({ readonly kind: 's3' } & S3StoreOptions);

/** Opens the object store that the options name. Dispose of it to close its connections. */
export async function openObjectStore(options: ObjectStoreOptions): Promise<ObjectStore> {
  return options.kind === 's3' ? await openS3Store(options) : await openFilesystemStore(options);
}
