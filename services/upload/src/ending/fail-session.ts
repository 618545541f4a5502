import type { KerkisError } from '@kerkis/errors';
import type { ObjectStore } from '@kerkis/objects';
import type { Session } from '../domain/session.ts';
import { failed, failureDecided, failureOf } from '../domain/transitions.ts';
import { uploadFailed } from '../events.ts';
import { removeStored } from '../intake/stored-bytes.ts';
import type { Observe } from '../observe.ts';
import type { SessionStore } from '../store/sessions.ts';

/** What the end of a session without a source needs. */
export interface FailSessionDependencies {
  readonly objects: Pick<ObjectStore, 'abortMultipart' | 'delete' | 'deletePrefix' | 'listMultiparts'>;
  readonly sessions: Pick<SessionStore, 'changeSession'>;
  readonly observe: Pick<Observe, 'sessionEnded'>;
}

/**
 * Ends a session without a source: shuts writers out, deletes what is stored, then tells. A death in between leaves the
 * decision in the record, and the reconciler goes on with it. Answers the session as it is afterwards: one that had ended
 * already is left alone.
 */
export async function failSession(
  dependencies: FailSessionDependencies,
  uploadId: string,
  reason: KerkisError,
): Promise<Session> {
  const decided = await dependencies.sessions.changeSession(uploadId, (session) => {
    const next = failureDecided(session, failureOf(reason), new Date());
    return next && { session: next };
  });
  return decided.failing ? await carryOutFailure(dependencies, decided) : decided;
}

/** Deletes what a failing session stored, then tells. */
export async function carryOutFailure(
  { objects, sessions, observe }: FailSessionDependencies,
  session: Session,
): Promise<Session> {
  await removeStored(objects, session);
  let ended: Session | undefined;
  const after = await sessions.changeSession(session.upload.id, (current) => {
    ended = failed(current, new Date());
    return ended && { session: ended, events: [uploadFailed(ended)] };
  });
  if (ended) observe.sessionEnded(after);
  return after;
}
