import { UploadState } from '@kerkis/contracts/upload';
import { isKerkisError, type KerkisError } from '@kerkis/errors';
import type { ObjectStore } from '@kerkis/objects';
import { leaseRenewed, leaseTaken } from '../domain/lease.ts';
import { sourceLost, takenOver } from '../domain/losses.ts';
import { checkReceiving, type Session } from '../domain/session.ts';
import type { SourceHashes } from '../hashing/source-hashes.ts';
import type { SessionStore } from '../store/sessions.ts';
import type { Arrivals } from './announce-arrival.ts';
import { type ByteSink, type ByteSinkDependencies, openByteSink } from './byte-sink.ts';
import { removeStored } from './stored-bytes.ts';

/** What writers stand on. */
export interface WriterDependencies extends ByteSinkDependencies {
  readonly objects: ByteSinkDependencies['objects'] &
    Pick<ObjectStore, 'abortMultipart' | 'deletePrefix' | 'listMultiparts'>;
  readonly sessions: Pick<SessionStore, 'changeSession' | 'changeAsWriter' | 'findSession'>;
  readonly hashes: Pick<SourceHashes, 'join'>;
  readonly arrivals: Arrivals;
  /** How long a silent writer keeps its session. */
  readonly leaseMs: number;
}

/** What one writer does. */
export interface Writing {
  /** Bytes count all together at the end, or not at all. */
  readonly atomic?: boolean;
  /** Aborted when no byte will come any more; what is under way is still stored. */
  readonly gone?: AbortSignal;
  /** Checked, and changed, in the write that takes the session. */
  readonly prepare: (session: Session) => Session;
  /** Writes into the sink and closes it. */
  readonly write: (sink: ByteSink) => Promise<Session>;
}

/** Lets one writer at a time into a session. */
export type Writers = ReturnType<typeof createWriters>;

interface ActiveWriter {
  readonly gone: AbortSignal | undefined;
  readonly done: Promise<unknown>;
}

/** Writers of this process. Others are kept out by the lease in the record. */
export function createWriters(dependencies: WriterDependencies) {
  const { sessions, leaseMs } = dependencies;
  const active = new Map<string, ActiveWriter>();

  async function take(uploadId: string, prepare: Writing['prepare']): Promise<Session> {
    return await sessions.changeSession(uploadId, (session) => {
      checkReceiving(session);
      return { session: leaseTaken(prepare(session), Date.now(), leaseMs) };
    });
  }

  async function run(taken: Session, { atomic, write }: Writing): Promise<Session> {
    const hash = dependencies.hashes.join(taken);
    const sink = openByteSink(dependencies, taken, {
      atomic: atomic ?? false,
      hash,
      arrivals: dependencies.arrivals,
    });
    using _alive = keepLease(dependencies, taken, () => sink.hasMoved());
    try {
      return await write(sink);
    } catch (error) {
      await sink.discard().catch(() => undefined);
      if (!isLoss(error)) throw error;
      await tidyAfterLoss(dependencies, taken);
      throw error.reason === 'MULTIPART_NOT_FOUND' ? await whyLost(taken, error) : error;
    } finally {
      hash.end();
    }
  }

  /** The parts went away under the writer: with the end of its session, or by themselves. */
  async function whyLost(taken: Session, cause: KerkisError): Promise<KerkisError> {
    const current = await sessions.findSession(taken.upload.id);
    return current?.epoch === taken.epoch ? sourceLost(cause) : takenOver(taken.upload.id);
  }

  return {
    /**
     * Takes the session, lets `write` have its sink, and gives it back. Throws UPLOAD_BUSY while another writer is alive, what
     * `checkReceiving` and `prepare` throw, and what `write` throws.
     */
    async write(uploadId: string, writing: Writing): Promise<Session> {
      await this.settled(uploadId);
      const taken = await take(uploadId, writing.prepare);
      const running = run(taken, writing);
      const entry = { gone: writing.gone, done: running.catch(() => undefined) };
      active.set(uploadId, entry);
      try {
        return await running;
      } finally {
        if (active.get(uploadId) === entry) active.delete(uploadId);
      }
    },

    /** Waits for a writer of this process whose client is gone, so that what it received counts. */
    async settled(uploadId: string): Promise<void> {
      const writer = active.get(uploadId);
      if (writer?.gone?.aborted) await writer.done;
    },

    /** Resolves when no writer is left. */
    async drained(): Promise<void> {
      await Promise.all([...active.values()].map(({ done }) => done));
    },
  };
}

/**
 * Prolongs the lease of a writer as long as it moves: one whose network is dead loses it. A failed try is not repeated before
 * the next turn; the writer's own commits tell whether it still may write.
 */
export function keepLease(
  { sessions, leaseMs }: { sessions: Pick<SessionStore, 'changeAsWriter'>; leaseMs: number },
  taken: Session,
  hasMoved: () => boolean,
): Disposable {
  const timer = setInterval(() => {
    if (!hasMoved()) return;
    sessions
      .changeAsWriter(taken, (session) =>
        session.lease ? { session: leaseRenewed(session, Date.now(), leaseMs) } : undefined,
      )
      .catch(() => undefined);
  }, leaseMs / 3);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** What a writer stored who came too late may have arrived after the session's end was tidied up. */
export async function tidyAfterLoss(
  { objects, sessions }: Pick<WriterDependencies, 'objects' | 'sessions'>,
  taken: Session,
): Promise<void> {
  const current = await sessions.findSession(taken.upload.id);
  const isGone = !current || current.failing || current.upload.state === UploadState.FAILED;
  if (isGone) await removeStored(objects, taken);
}

/** Whether the session was taken away from its writer. */
export function isLoss(error: unknown): error is KerkisError {
  return (
    isKerkisError(error) &&
    ['UPLOAD_TAKEN_OVER', 'UPLOAD_NOT_FOUND', 'MULTIPART_NOT_FOUND'].includes(error.reason)
  );
}
