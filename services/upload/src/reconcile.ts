import { timestampDate } from '@bufbuild/protobuf/wkt';
import { type Client, Code, ConnectError } from '@connectrpc/connect';
import { type AssetService, AssetState } from '@kerkis/contracts/catalog';
import { UploadMethod, UploadState } from '@kerkis/contracts/upload';
import { KerkisError } from '@kerkis/errors';
import type { Logger } from '@kerkis/telemetry';
import { interrupted } from './domain/losses.ts';
import type { Session } from './domain/session.ts';
import { catalogHeard, lacksChecksum } from './domain/transitions.ts';
import type { ChecksumReader } from './ending/checksum-reader.ts';
import { carryOutFailure, type FailSessionDependencies, failSession } from './ending/fail-session.ts';
import type { Finisher } from './ending/finisher.ts';
import { uploadCompleted, uploadFailed } from './events.ts';
import type { Importer } from './import/importer.ts';
import { type OpenSessionDependencies, withAsset } from './open-session.ts';
import type { SessionStore } from './store/sessions.ts';

/** What the reconciler reads and writes. */
export interface ReconcileDependencies extends FailSessionDependencies {
  readonly sessions: Pick<SessionStore, 'changeSession' | 'removeSession' | 'findDue'>;
  readonly catalog: OpenSessionDependencies['catalog'] & Pick<Client<typeof AssetService>, 'getAsset'>;
  readonly finisher: Pick<Finisher, 'finish'>;
  readonly importer: Pick<Importer, 'start'>;
  readonly checksumReader: Pick<ChecksumReader, 'start'>;
  readonly logger: Pick<Logger, 'warn'>;
}

const batch = 200;

/**
 * Goes on with sessions that nobody works on any more: expired ones, deaths in the middle of a step, ends of which the catalog
 * has not heard. Returns how many did not move: to find that all is well, or to forget what is over, is none of it.
 */
export async function reconcile(dependencies: ReconcileDependencies): Promise<number> {
  const due = await dependencies.sessions.findDue(new Date(), batch);
  let woken = 0;
  for (const session of due) {
    try {
      if (await goOn(dependencies, session)) woken += 1;
    } catch (err) {
      dependencies.logger.warn({ err, uploadId: session.upload.id }, 'upload could not be repaired yet');
    }
  }
  return woken;
}

/** Whether the session did not move until now. */
async function goOn(dependencies: ReconcileDependencies, session: Session): Promise<boolean> {
  const { id, state, assetId, method } = session.upload;
  if (!assetId) {
    const opened = await withAsset(dependencies, session);
    await failSession(dependencies, opened.upload.id, abandoned());
  } else if (session.failing) await carryOutFailure(dependencies, session);
  else if (state === UploadState.VERIFYING) await dependencies.finisher.finish(id);
  else if (state !== UploadState.RECEIVING) {
    if (lacksChecksum(session)) dependencies.checksumReader.start(id);
    const isOver = session.settled && state !== UploadState.FAILED;
    return isOver ? false : await settle(dependencies, session);
  } else if (isExpired(session)) await failSession(dependencies, id, expired());
  else if (method === UploadMethod.IMPORT) dependencies.importer.start(id);
  else if (method === UploadMethod.STREAM) await failSession(dependencies, id, interrupted());
  else return false;
  return true;
}

/** Tells the end again until the catalog shows that it heard; the record of a failure goes some time after that. Whether it had not heard. */
async function settle({ sessions, catalog }: ReconcileDependencies, session: Session): Promise<boolean> {
  const { id, state, assetId } = session.upload;
  if (session.settled) {
    await sessions.removeSession(id);
    return false;
  }
  const waits = (await assetState(catalog, assetId)) === AssetState.CREATED;
  const event = state === UploadState.COMPLETED ? uploadCompleted : uploadFailed;
  await sessions.changeSession(id, (current) => {
    if (current.settled) return undefined;
    const next = catalogHeard(current, !waits, new Date());
    return { session: next, events: waits ? [event(next)] : [] };
  });
  return waits;
}

/** State of an asset; undefined when it is gone. */
async function assetState(
  catalog: ReconcileDependencies['catalog'],
  assetId: string,
): Promise<AssetState | undefined> {
  try {
    return (await catalog.getAsset({ assetId })).asset?.state;
  } catch (error) {
    if (ConnectError.from(error).code === Code.NotFound) return undefined;
    throw error;
  }
}

function isExpired({ upload: { expireTime } }: Session): boolean {
  return expireTime !== undefined && timestampDate(expireTime).getTime() <= Date.now();
}

function expired(): KerkisError {
  return new KerkisError(
    'deadline',
    'UPLOAD_EXPIRED',
    'No bytes arrived for too long (upload.sessionTtlHours), so the upload was given up. Start a new one.',
  );
}

function abandoned(): KerkisError {
  return new KerkisError(
    'unavailable',
    'UPLOAD_ABANDONED',
    'The upload could not be opened because the catalog did not answer. Start a new one.',
  );
}
