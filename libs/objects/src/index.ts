export { contentTypeOf } from './content-type.ts';
export type { FilesystemStoreOptions } from './filesystem/store.ts';
export { isObjectKey, maxKeyLength } from './key.ts';
export type {
  ByteRange,
  CopyOptions,
  DeletePrefixOptions,
  GetOptions,
  GrowingObject,
  MultipartInfo,
  NamedPart,
  ObjectBody,
  ObjectEntry,
  ObjectInfo,
  ObjectRead,
  ObjectStore,
  PartInfo,
  PartRef,
  PresignOptions,
  PresignPutOptions,
  PutOptions,
  PutPartOptions,
  PutResult,
} from './object-store.ts';
export { type ObjectStoreOptions, openObjectStore } from './open.ts';
export type { S3StoreOptions } from './s3/client.ts';
