import { timestampMs } from '@bufbuild/protobuf/wkt';
import { KerkisError } from '@kerkis/errors';
import type { Logger } from '@kerkis/telemetry';
import { type ChunkProgress, type ChunkRecord, renewed } from '../domain/chunk.ts';
import type { ChunkStore } from '../store/chunks.ts';

/** A lease that is kept alive until it is disposed of. */
export interface HeldLease extends Disposable {
  /** Aborted when the lease is lost: another worker may have the chunk, or its job is over. */
  readonly lost: AbortSignal;
  /** Throws LEASE_LOST once the lease could be over, also right after this process was frozen. */
  assertHeld(): void;
}

/** What holding a lease needs. */
export interface LeaseDependencies {
  readonly chunks: Pick<ChunkStore, 'changeChunk'>;
  readonly logger: Logger;
  readonly leaseMs: number;
  /** How often the lease is renewed and the progress written, milliseconds. */
  readonly renewMs: number;
}

/** Renews the lease of a chunk that was just taken, and writes its progress along with it. */
export function holdLease(
  { chunks, logger, leaseMs, renewMs }: LeaseDependencies,
  { chunk: { id: chunkId, epoch, leaseExpireTime } }: ChunkRecord,
  progress: () => ChunkProgress,
): HeldLease {
  const losing = new AbortController();
  let validUntil = leaseExpireTime ? timestampMs(leaseExpireTime) : 0;
  let isRenewing = false;

  async function renew(): Promise<void> {
    isRenewing = true;
    const now = new Date();
    try {
      const record = await chunks.changeChunk(chunkId, (current) => {
        const next = renewed(current, epoch, { progress: progress(), leaseMs, now });
        return next && { record: next };
      });
      if (record) validUntil = now.getTime() + leaseMs;
      else losing.abort();
    } catch (err) {
      logger.warn({ err, chunkId }, 'lease could not be renewed');
    } finally {
      isRenewing = false;
    }
  }

  // A database that is away, or answers late, is no reason to stop at once; but at the end of the lease somebody else may have it.
  const isOver = () => {
    if (Date.now() >= validUntil) losing.abort();
    return losing.signal.aborted;
  };
  const timer = setInterval(() => {
    if (!isOver() && !isRenewing) void renew();
  }, renewMs);

  return {
    lost: losing.signal,
    assertHeld() {
      if (isOver())
        throw new KerkisError('conflict', 'LEASE_LOST', 'The worker lost the lease of its chunk.');
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
