import { isKerkisError } from '@kerkis/errors';
import { extractContext, type ServiceTelemetry, withSpan } from '@kerkis/telemetry';
import { leaseReleased, leaseTaken } from '../domain/lease.ts';
import type { Session } from '../domain/session.ts';
import { checksumRead, lacksChecksum } from '../domain/transitions.ts';
import { uploadCompleted } from '../events.ts';
import type { SourceHashes } from '../hashing/source-hashes.ts';
import { isLoss, keepLease } from '../intake/writers.ts';
import type { SessionStore } from '../store/sessions.ts';

/** What reading checksums stands on. */
export interface ChecksumReaderDependencies {
  readonly sessions: Pick<SessionStore, 'changeSession' | 'changeAsWriter'>;
  readonly hashes: Pick<SourceHashes, 'finish' | 'forget'>;
  readonly telemetry: Pick<ServiceTelemetry, 'tracer' | 'logger'>;
  readonly leaseMs: number;
}

/**
 * Reads sources whose SHA-256 was not known when they were complete, and tells UploadCompleted again with it. Disposing breaks off
 * what is under way: somebody else begins it again.
 */
export interface ChecksumReader extends AsyncDisposable {
  /** Begins unless somebody is at it. */
  start(uploadId: string): void;
}

/** Reads in the background, one source at a time. */
export function createChecksumReader(dependencies: ChecksumReaderDependencies): ChecksumReader {
  const stopping = new AbortController();
  const wanted = new Set<string>();
  let reading: Promise<void> | undefined;

  async function readAll(): Promise<void> {
    for (const uploadId of wanted) {
      if (stopping.signal.aborted) return;
      try {
        await readOne(dependencies, uploadId, stopping.signal);
      } catch (err) {
        const isExpected = stopping.signal.aborted || isLoss(err) || isBusy(err);
        if (!isExpected) {
          dependencies.telemetry.logger.warn(
            { err, uploadId },
            'source could not be read, will be tried again',
          );
        }
      } finally {
        wanted.delete(uploadId);
      }
    }
    reading = undefined;
  }

  return {
    start(uploadId) {
      if (stopping.signal.aborted) return;
      wanted.add(uploadId);
      reading ??= readAll();
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await reading;
    },
  };
}

async function readOne(
  dependencies: ChecksumReaderDependencies,
  uploadId: string,
  signal: AbortSignal,
): Promise<void> {
  const { sessions, hashes, leaseMs, telemetry } = dependencies;
  const taken = await sessions.changeSession(uploadId, (session) =>
    lacksChecksum(session) ? { session: leaseTaken(session, Date.now(), leaseMs) } : undefined,
  );
  if (!lacksChecksum(taken)) return;
  using _alive = keepLease(dependencies, taken, () => true);
  const settings = { parent: extractContext(taken.trace), attributes: { 'kerkis.upload.id': uploadId } };
  try {
    const sha256 = await withSpan(telemetry.tracer, 'read checksum', settings, () =>
      readChecksum(hashes, taken, signal),
    );
    if (sha256 === undefined) telemetry.logger.error({ uploadId }, 'source is gone before it was verified');
    await sessions.changeAsWriter(taken, (session) => {
      const next = checksumRead(session, sha256, new Date());
      return next && { session: next, events: sha256 === undefined ? [] : [uploadCompleted(next)] };
    });
  } catch (error) {
    await sessions
      .changeAsWriter(taken, (session) => ({ session: leaseReleased(session) }))
      .catch(() => undefined);
    throw error;
  } finally {
    hashes.forget(taken);
  }
}

async function readChecksum(
  hashes: ChecksumReaderDependencies['hashes'],
  session: Session,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    return (await hashes.finish(session, signal)).sha256;
  } catch (error) {
    if (isKerkisError(error) && error.kind === 'not_found') return undefined;
    throw error;
  }
}

function isBusy(error: unknown): boolean {
  return isKerkisError(error) && error.reason === 'UPLOAD_BUSY';
}
