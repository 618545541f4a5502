import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { Failure } from '@kerkis/contracts/media';
import {
  type Upload,
  UploadMethod,
  UploadSchema,
  type UploadSpec,
  UploadState,
} from '@kerkis/contracts/upload';
import { KerkisError } from '@kerkis/errors';
import type { Lease } from './lease.ts';

/** One stored part of the multipart upload that becomes the source. */
export interface StoredPart {
  readonly partNumber: number;
  readonly etag: string;
  readonly sizeBytes: number;
}

/** Bytes behind the last part, too few for a part of their own, in an object of their own. */
export interface TailPiece {
  readonly key: string;
  readonly sizeBytes: number;
}

/** An upload session as it is kept. What was received is the parts, then the tail. */
export interface Session {
  readonly upload: Upload;
  readonly spec: UploadSpec;
  /** `Upload-Metadata` as the tus client gave it, to be given back. */
  readonly tusMetadata: string;
  /** Where an import is fetched from, with its credentials. */
  readonly importUrl: string;
  /** How often an import was begun. */
  readonly attempts: number;
  /** Trace context of the request that opened the session: what follows joins that trace. */
  readonly trace: Readonly<Record<string, string>>;
  /** Size of each part but the last. */
  readonly partSizeBytes: number;
  /** Multipart upload of the object store; empty until the first part. */
  readonly multipartId: string;
  readonly parts: readonly StoredPart[];
  readonly tail: readonly TailPiece[];
  /** Highest part number that may be in the store: at least that of the last part. */
  readonly lastPartNumber: number;
  /** Rises with each writer; only the newest one's changes are taken. */
  readonly epoch: number;
  readonly lease?: Lease | undefined;
  /** Why it is about to fail: decided, but what is stored may not be deleted yet. */
  readonly failing?: Failure | undefined;
  /** The catalog has heard of the end. */
  readonly settled: boolean;
  /** The source was gone when its SHA-256 was to be read. */
  readonly sourceGone?: boolean | undefined;
}

/** What a new session is made of. */
export interface NewSession {
  readonly id: string;
  readonly method: UploadMethod;
  readonly spec: UploadSpec;
  /** Absent: not known yet. */
  readonly sizeBytes?: number | undefined;
  readonly partSizeBytes: number;
  readonly expireTime: Date;
  readonly now: Date;
  readonly trace: Readonly<Record<string, string>>;
  readonly tusMetadata?: string | undefined;
  readonly importUrl?: string | undefined;
}

/** A new session in state RECEIVING, without an asset yet. */
export function newSession(input: NewSession): Session {
  const { id, method, spec, now, importUrl = '' } = input;
  const upload = create(UploadSchema, {
    id,
    method,
    state: UploadState.RECEIVING,
    sizeBytes: BigInt(input.sizeBytes ?? -1),
    fileName: spec.fileName,
    contentType: spec.contentType,
    tusPath: method === UploadMethod.TUS ? `/upload/tus/${id}` : '',
    partSizeBytes: method === UploadMethod.PRESIGNED ? BigInt(input.partSizeBytes) : 0n,
    expireTime: timestampFromDate(input.expireTime),
    createTime: timestampFromDate(now),
    updateTime: timestampFromDate(now),
    sourceUrl: importUrl && withoutCredentials(importUrl),
  });
  return {
    upload,
    spec,
    tusMetadata: input.tusMetadata ?? '',
    importUrl,
    attempts: 0,
    trace: input.trace,
    partSizeBytes: input.partSizeBytes,
    multipartId: '',
    parts: [],
    tail: [],
    lastPartNumber: 0,
    epoch: 0,
    settled: false,
  };
}

/** A change of the public part, stamped with the time. */
export function changed(session: Session, now: Date, change: Partial<Upload>): Session {
  return { ...session, upload: { ...session.upload, ...change, updateTime: timestampFromDate(now) } };
}

/** Key of the source. */
export function sourceKey({ upload }: Session): string {
  return `sources/${upload.assetId}/${upload.id}`;
}

/** Where the pieces of the tail are; ends with `/`. */
export function tailPrefix(session: Session): string {
  return `${sourceKey(session)}.tail/`;
}

/** Size of the whole file, or undefined while it is not known. */
export function declaredSize({ upload }: Session): number | undefined {
  return upload.sizeBytes < 0n ? undefined : Number(upload.sizeBytes);
}

/** Whether all bytes are here. */
export function isWhole({ upload }: Session): boolean {
  return upload.sizeBytes >= 0n && upload.offsetBytes === upload.sizeBytes;
}

/** Whether bytes may still arrive. */
export function isReceiving({ upload, failing }: Session): boolean {
  return upload.state === UploadState.RECEIVING && !failing;
}

/** Throws UPLOAD_NOT_RECEIVING, or what the session failed with. */
export function checkReceiving(session: Session): void {
  if (isReceiving(session)) return;
  const { upload } = session;
  const { failure = session.failing } = upload;
  throw new KerkisError(
    'precondition',
    'UPLOAD_NOT_RECEIVING',
    failure
      ? `The upload has ended: ${failure.message} Start a new one.`
      : 'All bytes of this upload are here already; nothing more can be added.',
    { details: { uploadId: upload.id, state: UploadState[upload.state], ...endDetails(failure) } },
  );
}

function endDetails(failure: Failure | undefined): Record<string, string> {
  return failure ? { failure: failure.reason } : {};
}

function withoutCredentials(url: string): string {
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  return bare.href;
}
