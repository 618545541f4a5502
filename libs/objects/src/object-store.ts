import type { Readable } from 'node:stream';

/** What is put: bytes, or a stream of them. Chunks of a stream must not be reused by their producer. */
export type ObjectBody = Uint8Array | AsyncIterable<Uint8Array>;

/** One object of a listing. */
export interface ObjectEntry {
  readonly key: string;
  readonly sizeBytes: number;
  /** Opaque, without quotes. Changes when the object is replaced; the same in put, get, head and list. */
  readonly etag: string;
  readonly modifiedAt: Date;
}

/** What is known about an object without its bytes. */
export interface ObjectInfo extends ObjectEntry {
  /** S3: as it was put. Filesystem: what the key's extension stands for. */
  readonly contentType: string;
}

/** An object being read. The body must be read to its end or destroyed: it holds a file or a socket. */
export interface ObjectRead extends ObjectInfo {
  readonly body: Readable;
  /** Bytes that the body gives: `sizeBytes`, or less for a range. */
  readonly bodyBytes: number;
}

/** Bytes `start` to `end`, both included, from 0. An `end` past the object is cut; absent means to the end. */
export interface ByteRange {
  readonly start: number;
  readonly end?: number | undefined;
}

/** How an object is put. */
export interface PutOptions {
  /** Default: what the key's extension stands for. The filesystem keeps only that. */
  readonly contentType?: string | undefined;
  /** Cache-Control that S3 sends with the object. The filesystem does not keep it. */
  readonly cacheControl?: string | undefined;
  /** Bytes of the body, when known. A body of another size throws `invalid OBJECT_SIZE_MISMATCH`. */
  readonly sizeBytes?: number | undefined;
  /** Put only when there is no such object, else `already_exists OBJECT_EXISTS`. Exactly one of several wins. */
  readonly ifAbsent?: boolean | undefined;
}

/** How an object is read. */
export interface GetOptions {
  readonly range?: ByteRange | undefined;
  /** Ends the read: `cancelled CANCELLED`, or an AbortError from a body that is being read. */
  readonly signal?: AbortSignal | undefined;
}

/** What a put made. */
export interface PutResult {
  readonly etag: string;
  readonly sizeBytes: number;
}

/** One part of a multipart upload, as its putPart (or the presigned PUT) answered. */
export interface PartRef {
  /** 1 to 10000. */
  readonly partNumber: number;
  readonly etag: string;
}

/** One part that the store holds. */
export interface PartInfo extends PartRef {
  readonly sizeBytes: number;
}

/** A part to be made part of an object. */
export interface NamedPart extends PartRef {
  /** Its size, when known. With the sizes of all parts an S3 store need not ask for them. */
  readonly sizeBytes?: number | undefined;
}

/** How a part is put. */
export interface PutPartOptions {
  /**
   * Where the part begins in the object, in bytes, when known. Then the filesystem writes it there, and need not copy to complete. A
   * part that is put where one of a lower number lies replaces that one, too. S3 does not need it.
   */
  readonly offsetBytes?: number | undefined;
}

/** How an object is copied. */
export interface CopyOptions {
  /**
   * Copy only when the target is not there, else `already_exists OBJECT_EXISTS`. On a filesystem exactly one of several wins; S3 looks
   * before it copies.
   */
  readonly ifAbsent?: boolean | undefined;
}

/** What of an unfinished multipart upload can be read in place. */
export interface GrowingObject {
  /** Real path of the file. It becomes the object's own when the upload is completed. */
  readonly path: string;
  /** So many bytes from the first one on are stored without a hole. What lies behind them means nothing. */
  readonly sizeBytes: number;
}

/** A multipart upload that is neither completed nor aborted. */
export interface MultipartInfo {
  readonly key: string;
  readonly uploadId: string;
  readonly createdAt: Date;
}

/** How a URL is signed. */
export interface PresignOptions {
  /** 1 to 604800. Default 900. */
  readonly expiresInSeconds?: number | undefined;
}

/** How a URL that takes bytes is signed. */
export interface PresignPutOptions extends PresignOptions {
  /** When given, the client has to send exactly this Content-Length. */
  readonly sizeBytes?: number | undefined;
  /** When given, the client has to send exactly this Content-Type. Not for parts. */
  readonly contentType?: string | undefined;
}

/** How a prefix is deleted. */
export interface DeletePrefixOptions {
  /** Throws when the caller must not delete any more, e.g. because others take it for dead. */
  readonly fence?: () => void | Promise<void>;
}

/**
 * Objects by key, on a directory or an S3 bucket. Keys are checked (see `isObjectKey`), else `invalid
 * OBJECT_KEY_INVALID`. All methods throw KerkisError only; errors of a given body pass through as they are. Besides the
 * ones named below: `exhausted STORAGE_FULL`, `unavailable STORAGE_UNAVAILABLE`, `forbidden STORAGE_ACCESS_DENIED`,
 * `precondition BUCKET_NOT_FOUND`.
 */
export interface ObjectStore extends AsyncDisposable {
  readonly kind: 'filesystem' | 's3';

  /** Whether the presign methods are there. */
  readonly presign: boolean;

  /** Puts an object, atomically: before it is complete there is the old one or none, and a failed put leaves nothing. */
  put(key: string, body: ObjectBody, options?: PutOptions): Promise<PutResult>;

  /** Opens an object: `not_found OBJECT_NOT_FOUND`, `invalid RANGE_NOT_SATISFIABLE` (details.sizeBytes). */
  get(key: string, options?: GetOptions): Promise<ObjectRead>;

  /** A whole object in memory: `too_large OBJECT_TOO_LARGE` past maxBytes, `not_found OBJECT_NOT_FOUND`. */
  getBytes(
    key: string,
    options: { readonly maxBytes: number; readonly signal?: AbortSignal },
  ): Promise<Uint8Array>;

  /**
   * Copies an object of up to 5 GiB, atomically, and replaces what is there: `not_found OBJECT_NOT_FOUND`. Deleting or replacing one of the two
   * leaves the other.
   */
  copy(from: string, to: string, options?: CopyOptions): Promise<void>;

  /** What is known of an object; undefined when there is none. */
  head(key: string): Promise<ObjectInfo | undefined>;

  /** The objects whose key begins with the prefix ('' for all), in the order of their keys' bytes. */
  list(prefix: string): AsyncIterable<ObjectEntry>;

  /** Deletes an object; nothing happens when there is none. */
  delete(key: string): Promise<void>;

  /**
   * Deletes everything below a prefix that ends with `/`; gives how many objects that were. `fence` is called right before each request
   * that deletes: when it throws, nothing more is deleted, and the call rejects with that.
   */
  deletePrefix(prefix: string, options?: DeletePrefixOptions): Promise<number>;

  /** Begins a multipart upload and gives its id. */
  createMultipart(key: string, options?: Pick<PutOptions, 'contentType' | 'cacheControl'>): Promise<string>;

  /**
   * Puts a part; a part put again replaces the earlier one. S3 wants 5 MiB or more in each part but the last.
   * `not_found MULTIPART_NOT_FOUND`, `invalid OBJECT_SIZE_MISMATCH`.
   */
  putPart(
    key: string,
    uploadId: string,
    partNumber: number,
    body: ObjectBody,
    sizeBytes: number,
    options?: PutPartOptions,
  ): Promise<{ readonly etag: string }>;

  /**
   * Filesystem only: the bytes of a part, to be read to the end or destroyed. `not_found MULTIPART_NOT_FOUND`, `invalid
   * MULTIPART_PART_INVALID`.
   */
  getPart?(key: string, uploadId: string, part: PartRef): Promise<Readable>;

  /**
   * Filesystem only: the beginning of an unfinished multipart upload whose parts were put with their offsets. Undefined when there
   * is no such upload, or nothing of it lies in one file.
   */
  growing?(key: string, uploadId: string): Promise<GrowingObject | undefined>;

  /** The parts that the store holds, by number. `not_found MULTIPART_NOT_FOUND`. */
  listParts(key: string, uploadId: string): Promise<readonly PartInfo[]>;

  /**
   * Makes the object of these parts, in ascending order; parts not named are dropped. `invalid MULTIPART_PART_INVALID`
   * (an etag is wrong, a part is missing, out of order or too small), `not_found MULTIPART_NOT_FOUND`: also after a
   * completion whose answer was lost, then `head` tells.
   */
  completeMultipart(key: string, uploadId: string, parts: readonly NamedPart[]): Promise<PutResult>;

  /** Drops a multipart upload and its parts; nothing happens when there is none. */
  abortMultipart(key: string, uploadId: string): Promise<void>;

  /** The unfinished multipart uploads whose key begins with the prefix. */
  listMultiparts(prefix: string): AsyncIterable<MultipartInfo>;

  /** A URL that takes the object by PUT until it expires. */
  presignPut?(key: string, options?: PresignPutOptions): Promise<string>;

  /** A URL that takes one part by PUT until it expires; its answer's ETag header is the part's etag. */
  presignPart?(
    key: string,
    uploadId: string,
    partNumber: number,
    options?: Omit<PresignPutOptions, 'contentType'>,
  ): Promise<string>;

  /** A URL that gives the object by GET until it expires. */
  presignGet?(key: string, options?: PresignOptions): Promise<string>;

  /** Filesystem only: the real path of an object, to be read in place. `not_found OBJECT_NOT_FOUND`. */
  localPath?(key: string): string;

  /** Resolves when the store can be used, else throws what is wrong with it. */
  ping(): Promise<void>;
}
