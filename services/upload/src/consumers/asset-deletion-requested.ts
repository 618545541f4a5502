import type { ObjectStore } from '@kerkis/objects';
import type { Session } from '../domain/session.ts';
import { writersShutOut } from '../domain/transitions.ts';
import { sourceDeleted } from '../events.ts';
import type { DeletionStore } from '../store/deletions.ts';
import type { SessionStore } from '../store/sessions.ts';

/** What the consumer needs. */
export interface AssetDeletionRequestedDependencies {
  readonly sessions: Pick<SessionStore, 'findByAsset' | 'changeSession' | 'removeSession'>;
  readonly deletions: Pick<DeletionStore, 'tell'>;
  readonly objects: Pick<ObjectStore, 'listMultiparts' | 'abortMultipart' | 'deletePrefix'>;
}

const batch = 100;

/**
 * Deletes all that was ever uploaded for an asset, then says so; asked again it answers again. Sessions are forgotten last: a
 * writer that comes too late finds its session gone, and tidies up after itself.
 */
export async function onAssetDeletionRequested(
  { sessions, deletions, objects }: AssetDeletionRequestedDependencies,
  assetId: string,
): Promise<void> {
  const prefix = `sources/${assetId}/`;
  for (;;) {
    const found = await sessions.findByAsset(assetId, batch);
    await Promise.all(found.map((session) => shutOut(session)));
    for await (const { key, uploadId } of objects.listMultiparts(prefix)) {
      await objects.abortMultipart(key, uploadId);
    }
    await objects.deletePrefix(prefix);
    await Promise.all(found.map(({ upload }) => sessions.removeSession(upload.id)));
    if (found.length < batch) break;
  }
  await deletions.tell(sourceDeleted(assetId));

  async function shutOut({ upload }: Session): Promise<void> {
    await sessions.changeSession(upload.id, (session) => ({ session: writersShutOut(session) }));
  }
}
