import { UploadState } from '@kerkis/contracts/upload';
import { isKerkisError, KerkisError } from '@kerkis/errors';
import type { ObjectStore } from '@kerkis/objects';
import { extractContext, type ServiceTelemetry, withSpan } from '@kerkis/telemetry';
import { leaseReleased, leaseTaken } from '../domain/lease.ts';
import { sourceLost } from '../domain/losses.ts';
import { declaredSize, type Session, sourceKey } from '../domain/session.ts';
import { completed, isOver, lacksChecksum } from '../domain/transitions.ts';
import { uploadCompleted } from '../events.ts';
import type { SourceHashes } from '../hashing/source-hashes.ts';
import { type ByteSinkDependencies, openByteSink } from '../intake/byte-sink.ts';
import { isLoss, keepLease, tidyAfterLoss } from '../intake/writers.ts';
import type { Observe } from '../observe.ts';
import type { SessionStore } from '../store/sessions.ts';
import type { ChecksumReader } from './checksum-reader.ts';
import { uploadEmpty } from './end-if-empty.ts';
import { type FailSessionDependencies, failSession } from './fail-session.ts';
import { checkChecksum, sizeMismatch } from './mismatch.ts';

/** What the verification of sessions stands on. */
export interface FinisherDependencies extends ByteSinkDependencies, FailSessionDependencies {
  readonly objects: ByteSinkDependencies['objects'] &
    FailSessionDependencies['objects'] &
    Pick<ObjectStore, 'head' | 'completeMultipart'>;
  readonly sessions: Pick<SessionStore, 'changeSession' | 'changeAsWriter' | 'findSession'>;
  readonly hashes: Pick<SourceHashes, 'missingBytes' | 'finish' | 'forget'>;
  readonly checksumReader: Pick<ChecksumReader, 'start'>;
  readonly observe: Pick<Observe, 'sessionEnded' | 'sessionVerified'>;
  readonly telemetry: Pick<ServiceTelemetry, 'tracer' | 'logger'>;
  readonly leaseMs: number;
}

/** Takes sessions whose bytes are all here to their end. Disposing breaks off what takes long: somebody else begins it again. */
export interface Finisher extends AsyncDisposable {
  /**
   * Verifies a session that is VERIFYING: COMPLETED, or FAILED with the reason. Whoever asks while it is under way gets the
   * same answer. Throws what may be over later (`unavailable`): then it stays VERIFYING, for another try.
   */
  finish(uploadId: string): Promise<Session>;
  /** The same without waiting; a failure is logged. */
  start(uploadId: string): void;
}

/** So much is hashed in less time than a person notices; more is read after the session has ended. */
const quicklyHashedBytes = 32 * 1024 * 1024;

export function createFinisher(dependencies: FinisherDependencies): Finisher {
  const running = new Map<string, Promise<Session>>();
  const { logger } = dependencies.telemetry;
  const stopping = new AbortController();

  function finish(uploadId: string): Promise<Session> {
    const known = running.get(uploadId);
    if (known) return known;
    const work = finishSession(dependencies, uploadId, stopping.signal).finally(() =>
      running.delete(uploadId),
    );
    running.set(uploadId, work);
    return work;
  }

  return {
    finish,
    start(uploadId) {
      finish(uploadId).catch((err: unknown) =>
        logger.warn({ err, uploadId }, 'upload could not be verified, will be tried again'),
      );
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await Promise.allSettled(running.values());
    },
  };
}

async function finishSession(
  dependencies: FinisherDependencies,
  uploadId: string,
  signal: AbortSignal,
): Promise<Session> {
  const { sessions, leaseMs, telemetry } = dependencies;
  const taken = await sessions.changeSession(uploadId, (session) => {
    if (session.upload.state !== UploadState.VERIFYING || session.failing) return undefined;
    return { session: leaseTaken(session, Date.now(), leaseMs) };
  });
  if (isOver(taken) || taken.failing) return taken;
  if (taken.upload.state !== UploadState.VERIFYING) {
    throw new KerkisError('precondition', 'UPLOAD_INCOMPLETE', 'Not all bytes of this upload are here yet.');
  }
  using _alive = keepLease(dependencies, taken, () => true);
  const settings = { parent: extractContext(taken.trace), attributes: { 'kerkis.upload.id': uploadId } };
  try {
    return await withSpan(telemetry.tracer, 'verify upload', settings, () =>
      verify(dependencies, taken, signal),
    );
  } catch (error) {
    if (isLoss(error)) {
      await tidyAfterLoss(dependencies, taken);
      throw error;
    }
    if (!endsSession(error)) {
      await sessions
        .changeAsWriter(taken, (session) => ({ session: leaseReleased(session) }))
        .catch(() => {});
      throw error;
    }
    return await failSession(dependencies, uploadId, error);
  }
}

/** Each step may have been done by somebody who died after it. */
async function verify(
  dependencies: FinisherDependencies,
  taken: Session,
  signal: AbortSignal,
): Promise<Session> {
  const { sessions, objects, hashes, observe, checksumReader } = dependencies;
  const sizeBytes = declaredSize(taken) ?? 0;
  if (sizeBytes === 0) throw uploadEmpty();
  const started = performance.now();
  await openByteSink(dependencies, taken).storeTailAsPart();
  const current = (await sessions.findSession(taken.upload.id)) ?? taken;
  await assemble(objects, current, sizeBytes);
  const sha256 = await checkedSha256(dependencies, current, signal);
  const session = await sessions.changeAsWriter(taken, (so) => {
    const next = completed(so, sha256, new Date());
    return next && { session: next, events: [uploadCompleted(next)] };
  });
  if (lacksChecksum(session)) checksumReader.start(taken.upload.id);
  else hashes.forget(session);
  observe.sessionVerified(session, performance.now() - started);
  observe.sessionEnded(session);
  return session;
}

/** Empty when nobody declared what it must be and it takes long to know. */
async function checkedSha256(
  { hashes }: Pick<FinisherDependencies, 'hashes'>,
  session: Session,
  signal: AbortSignal,
): Promise<string> {
  const declared = session.spec.sha256;
  const missingBytes = hashes.missingBytes(session);
  if (!declared && missingBytes > quicklyHashedBytes) return '';
  let { sha256 } = await hashes.finish(session, signal);
  if (declared && sha256 !== declared && missingBytes < Number(session.upload.sizeBytes)) {
    // What is stored has the last word, not what arrived.
    hashes.forget(session);
    ({ sha256 } = await hashes.finish(session, signal));
  }
  checkChecksum(declared, sha256);
  return sha256;
}

/** Its parts make exactly the declared size, else there is no source. */
async function assemble(
  objects: FinisherDependencies['objects'],
  session: Session,
  sizeBytes: number,
): Promise<void> {
  const key = sourceKey(session);
  try {
    const stored = await objects.completeMultipart(key, session.multipartId, session.parts);
    if (stored.sizeBytes !== sizeBytes) throw sizeMismatch(sizeBytes, stored.sizeBytes);
  } catch (error) {
    const lost = isKerkisError(error) && error.reason === 'MULTIPART_NOT_FOUND';
    if (!lost) throw error;
    // It was completed by somebody who died, or whose answer was lost.
    if ((await objects.head(key))?.sizeBytes !== sizeBytes) throw sourceLost(error);
  }
}

/** What does not go away by itself; a full storage neither, and then every byte held makes it worse. */
function endsSession(error: unknown): error is KerkisError {
  if (!isKerkisError(error)) return false;
  return error.reason === 'STORAGE_FULL' || ['invalid', 'data_loss', 'not_found'].includes(error.kind);
}
