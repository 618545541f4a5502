import type { Readable } from 'node:stream';
import { isKerkisError, KerkisError } from '@kerkis/errors';
import type { ByteRange, ObjectRead, ObjectStore } from '@kerkis/objects';
import { type ServiceTelemetry, withSpan } from '@kerkis/telemetry';
import { SpanKind } from '@opentelemetry/api';
import { LRUCache } from 'lru-cache';
import { singleFlight } from './single-flight.ts';

/** A stored object: in memory, or too large for that and to be opened for each reader. */
export interface MediaObject {
  readonly key: string;
  readonly sizeBytes: number;
  /** Strong and quoted, as HTTP wants it. */
  readonly etag: string;
  /** As an HTTP date. */
  readonly lastModified: string;
  readonly bytes?: Buffer;
}

/** What is stored, through a memory cache. */
export interface MediaObjects {
  /** However many ask for an object at a time, the store is read once. `not_found` OBJECT_NOT_FOUND, `unavailable` STORAGE_UNAVAILABLE. */
  read(key: string): Promise<MediaObject>;
  /** What is in memory now. Counts as no look. */
  peek(key: string): MediaObject | undefined;
  /** The bytes of an object that is not in memory. */
  open(key: string, range: ByteRange, signal: AbortSignal): Promise<Readable>;
}

/** Bounds and surroundings. */
export interface MediaObjectsOptions {
  readonly store: Pick<ObjectStore, 'get'>;
  /** Memory for what was read lately; 0 keeps nothing. */
  readonly cacheBytes: number;
  readonly tracer: ServiceTelemetry['tracer'];
  readonly observe: (result: 'hit' | 'miss') => void;
  /** Larger objects never come into memory as a whole. Default 32 MiB. */
  readonly maxBufferedBytes?: number;
  /** Reads at a time, so that a crowd on many objects does not fill the memory. Default 32. */
  readonly maxReads?: number;
}

const readTimeoutMs = 30_000;
/** What an entry costs besides its bytes. */
const overheadBytes = 1024;

export function createMediaObjects(options: MediaObjectsOptions): MediaObjects {
  const { store, cacheBytes, tracer, observe, maxBufferedBytes = 32 * 1024 * 1024, maxReads = 32 } = options;
  const cache =
    cacheBytes > 0
      ? new LRUCache<string, MediaObject>({
          maxSize: cacheBytes,
          sizeCalculation: ({ bytes }) => (bytes?.byteLength ?? 0) + overheadBytes,
        })
      : undefined;
  const flights = singleFlight<MediaObject>();
  const turn = turns(maxReads);

  const fetch = (key: string) =>
    withSpan(
      tracer,
      'object read',
      { kind: SpanKind.CLIENT, attributes: { 'kerkis.object.key': key } },
      async (span) => {
        using _turn = await turn();
        const object = await load(store, key, maxBufferedBytes).catch(rethrow);
        span.setAttribute('kerkis.object.size', object.sizeBytes);
        cache?.set(key, object);
        return object;
      },
    );

  return {
    async read(key) {
      const known = cache?.get(key);
      observe(known ? 'hit' : 'miss');
      return known ?? (await flights.join(key, () => fetch(key)));
    },
    peek: (key) => cache?.get(key),
    open: async (key, range, signal) => (await store.get(key, { range, signal }).catch(rethrow)).body,
  };
}

async function load(
  store: Pick<ObjectStore, 'get'>,
  key: string,
  maxBufferedBytes: number,
): Promise<MediaObject> {
  const read = await store.get(key, { signal: AbortSignal.timeout(readTimeoutMs) });
  const about = {
    key,
    sizeBytes: read.sizeBytes,
    etag: `"${read.etag.replaceAll(/[^\x21\x23-\x7e]/g, '')}"`,
    lastModified: read.modifiedAt.toUTCString(),
  };
  if (read.sizeBytes > maxBufferedBytes) {
    read.body.destroy();
    return about;
  }
  return { ...about, bytes: await collect(read) };
}

async function collect({ body, sizeBytes }: ObjectRead): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(sizeBytes);
  let offset = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    if (offset + chunk.byteLength > sizeBytes) break;
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  if (offset === sizeBytes) return bytes;
  throw new Error(`The store gave ${offset} of ${sizeBytes} bytes.`);
}

/** The viewer is to know whether it is there, and else only that the store does not serve: the log has the rest. */
function rethrow(error: unknown): never {
  if (isKerkisError(error) && ['not_found', 'unavailable'].includes(error.kind)) throw error;
  throw new KerkisError('unavailable', 'STORAGE_UNAVAILABLE', 'The object store does not answer right now.', {
    cause: error,
  });
}

/** At most so many at a time; the others wait in order. */
function turns(count: number): () => Promise<Disposable> {
  let free = count;
  const queue: (() => void)[] = [];
  const give = {
    [Symbol.dispose]() {
      const next = queue.shift();
      if (next) next();
      else free += 1;
    },
  };
  return async () => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => queue.push(resolve));
    return give;
  };
}
