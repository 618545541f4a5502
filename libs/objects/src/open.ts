import { type FilesystemStoreOptions, openFilesystemStore } from './filesystem/store.ts';
import type { ObjectStore } from './object-store.ts';

/** Which store to open. */
export type ObjectStoreOptions = { readonly kind: 'filesystem' } & FilesystemStoreOptions;

/** Opens the object store that the options name. */
export async function openObjectStore(options: ObjectStoreOptions): Promise<ObjectStore> {
  return await openFilesystemStore(options);
}
