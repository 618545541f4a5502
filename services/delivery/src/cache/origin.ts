import { isKerkisError, KerkisError } from '@kerkis/errors';
import type { ObjectRead, ObjectStore } from '@kerkis/objects';
import { type ServiceTelemetry, withSpan } from '@kerkis/telemetry';
import { SpanKind } from '@opentelemetry/api';
import type { TierCounts } from './counts.ts';
import { blockBytes, blockSpan, maxWholeBytes, type Piece, strongEtag } from './piece.ts';
import { turns } from './turns.ts';

/** A piece that is asked for. */
export interface Wanted {
  readonly key: string;
  /** A block, and the object of which it is one. */
  readonly block?: { readonly number: number; readonly of: Piece };
  /** What anybody knows about its absence is old. */
  readonly isFresh?: boolean;
}

/** The piece that was asked for, and what came along with it. */
export type Fetched = readonly [wanted: Piece, ...along: Piece[]];

/** Reads pieces from the object store. `not_found` OBJECT_NOT_FOUND, `unavailable` STORAGE_UNAVAILABLE. */
export interface Origin {
  /** An object as a whole; of one that is too large for that, what is known of it and its first block; or the block that is wanted. */
  fetch(wanted: Wanted): Promise<Fetched>;
}

/** What it reads, and how much at a time. */
export interface OriginOptions {
  readonly store: Pick<ObjectStore, 'get'>;
  readonly tracer: ServiceTelemetry['tracer'];
  readonly counts: TierCounts;
  /** Reads at a time, so that a crowd on many objects does not fill the memory. */
  readonly maxReads: number;
}

const readTimeoutMs = 30_000;

export function createOrigin({ store, tracer, counts, maxReads }: OriginOptions): Origin {
  const turn = turns(maxReads);

  async function read({ key, block }: Wanted): Promise<Fetched> {
    const range = block && blockSpan(block.number, block.of.sizeBytes);
    const object = await store.get(key, {
      signal: AbortSignal.timeout(readTimeoutMs),
      ...(range && { range }),
    });
    const about = {
      key,
      sizeBytes: object.sizeBytes,
      etag: strongEtag(object.etag),
      lastModified: object.modifiedAt.toUTCString(),
    };
    if (block) return [{ ...about, block: block.number, bytes: await collect(object, object.bodyBytes) }];
    if (object.sizeBytes <= maxWholeBytes)
      return [{ ...about, bytes: await collect(object, object.bodyBytes) }];
    return [about, { ...about, block: 0, bytes: await collect(object, blockBytes) }];
  }

  return {
    fetch: (wanted) =>
      withSpan(
        tracer,
        'object read',
        { kind: SpanKind.CLIENT, attributes: { 'kerkis.object.key': wanted.key } },
        async (span) => {
          using _turn = await turn();
          const pieces = await read(wanted).catch((error: unknown) => {
            if (isKerkisError(error) && error.kind === 'not_found') counts.misses += 1;
            else counts.failures += 1;
            return rethrow(error);
          });
          const readBytes = pieces.reduce((sum, { bytes }) => sum + (bytes?.byteLength ?? 0), 0);
          counts.hits += 1;
          counts.bytes += readBytes;
          span.setAttribute('kerkis.object.size', pieces[0].sizeBytes);
          return pieces;
        },
      ),
  };
}

/** The first `sizeBytes` of a body; what follows is not read. */
async function collect({ body }: ObjectRead, sizeBytes: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(sizeBytes);
  let offset = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    const fitting = chunk.subarray(0, sizeBytes - offset);
    bytes.set(fitting, offset);
    offset += fitting.byteLength;
    if (offset === sizeBytes) break;
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
