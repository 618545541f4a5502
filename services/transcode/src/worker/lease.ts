import type { Logger } from '@kerkis/telemetry';
import { type ChunkProgress, renewed } from '../domain/chunk.ts';
import type { ChunkStore } from '../store/chunks.ts';

/** A lease that is kept alive until it is disposed of. */
export interface HeldLease extends AsyncDisposable {
  /** Aborted when the lease is lost: another worker may have the chunk, or its job is over. */
  readonly lost: AbortSignal;
}

/** What holding a lease needs. */
export interface LeaseDependencies {
  readonly chunks: Pick<ChunkStore, 'changeChunk'>;
  readonly logger: Logger;
  readonly leaseMs: number;
  /** How often the lease is renewed and the progress written, milliseconds. */
  readonly renewMs: number;
}

/** Renews the lease of a chunk at this epoch, and writes its progress along with it. */
export function holdLease(
  { chunks, logger, leaseMs, renewMs }: LeaseDependencies,
  chunkId: string,
  epoch: bigint,
  progress: () => ChunkProgress,
): HeldLease {
  const losing = new AbortController();
  let validUntil = Date.now() + leaseMs;
  let renewing: Promise<void> | undefined;

  async function renew(): Promise<void> {
    const now = new Date();
    try {
      const record = await chunks.changeChunk(chunkId, (current) => {
        const next = renewed(current, epoch, { progress: progress(), leaseMs, now });
        return next && { record: next };
      });
      if (record) validUntil = now.getTime() + leaseMs;
      else losing.abort();
    } catch (err) {
      // The database may be away for a moment. Once the lease could be over, somebody else may have it.
      logger.warn({ err, chunkId }, 'lease could not be renewed');
      if (Date.now() >= validUntil) losing.abort();
    }
  }

  const timer = setInterval(() => {
    renewing ??= renew().finally(() => {
      renewing = undefined;
    });
  }, renewMs);

  return {
    lost: losing.signal,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await renewing;
    },
  };
}
