import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { toS3Error } from './errors.ts';

/** How to reach a bucket, and what its server can do. */
export interface S3StoreOptions {
  /** `https://host[:port]` of the S3 API. Absent: AWS itself. */
  readonly endpoint?: string | undefined;
  readonly region: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** `endpoint/bucket/key` instead of `bucket.endpoint/key`. Default: true when an endpoint is given. */
  readonly forcePathStyle?: boolean | undefined;
  /** The endpoint as clients reach it, for presigned URLs. Default: `endpoint`. */
  readonly publicEndpoint?: string | undefined;
  /** Makes the bucket when it is missing. Default false. */
  readonly ensureBucket?: boolean | undefined;
  /** Web origins that may use presigned URLs: replaces the CORS rules of the bucket. Default: leaves them. */
  readonly corsOrigins?: readonly string[] | undefined;
  /**
   * Whether the server knows `If-None-Match: *`. Default true; a server that answers 501 is found out, one that ignores
   * the header is not: there set false, then `ifAbsent` looks first, which is not atomic.
   */
  readonly conditionalPut?: boolean | undefined;
  /** Whether the server knows DeleteObjects. Default true; a server that refuses it gets single deletes. */
  readonly bulkDelete?: boolean | undefined;
  /** Most connections at a time; an unread body of `get` holds one. Default 64. */
  readonly maxSockets?: number | undefined;
  /** Longest wait for a connection. Default 5000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Longest silence on a connection in use, a reader that stands still included. Default 60000. */
  readonly idleTimeoutMs?: number | undefined;
  /** Tries of one request, with growing pauses. Bodies that are streams are not tried again. Default 4. */
  readonly maxAttempts?: number | undefined;
}

/** One bucket through its client. */
export interface BucketClient {
  readonly client: S3Client;
  readonly bucket: string;
}

/** Failures are thrown; what the SDK would print besides is left out. */
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** The client that talks to the server. */
export function createClient(options: S3StoreOptions, endpoint = options.endpoint): S3Client {
  const { maxSockets = 64, connectTimeoutMs = 5000, idleTimeoutMs = 60_000, maxAttempts = 4 } = options;
  const agent = { keepAlive: true, maxSockets };
  const config: S3ClientConfig = {
    logger: silent,
    region: options.region,
    credentials: { accessKeyId: options.accessKeyId, secretAccessKey: options.secretAccessKey },
    forcePathStyle: options.forcePathStyle ?? options.endpoint !== undefined,
    maxAttempts,
    // Servers other than AWS refuse the checksums that the client sends by default.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // With it the client opens a connection of its own for each larger put, beyond maxSockets.
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: connectTimeoutMs,
      socketTimeout: idleTimeoutMs,
      httpAgent: agent,
      httpsAgent: agent,
      logger: silent,
    },
  };
  return new S3Client(endpoint === undefined ? config : { ...config, endpoint });
}

/** Awaits a request and throws what it fails with as a KerkisError. */
export async function answer<T>(request: Promise<T>, key = ''): Promise<T> {
  try {
    return await request;
  } catch (error) {
    throw toS3Error(error, key);
  }
}
