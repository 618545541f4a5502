import type { CollectionSpec, Database, OutboxEntry } from '@kerkis/documents';
import { isKerkisError } from '@kerkis/errors';

interface DeletionDocument {
  readonly id: string;
  readonly state: 'open' | 'done';
  readonly changedAt: string;
}

const separator = '\u0000';

const spec: CollectionSpec<DeletionDocument> = {
  name: 'media_deletions',
  indexes: { state: (doc) => `${doc.state}${separator}${doc.changedAt}` },
};

/** Assets whose media is to go, or went a while ago: a late request to encode one of them must find that out. */
export type DeletionStore = ReturnType<typeof deletionStore>;

/** Records of deleted assets in a database. */
export function deletionStore(database: Database) {
  const deletions = database.collection(spec);
  const stamped = (id: string, state: DeletionDocument['state']): DeletionDocument => ({
    id,
    state,
    changedAt: new Date().toISOString(),
  });

  return {
    /** The outbox of this collection is relayed by the service. */
    collection: deletions,

    /** The media of this asset is to go. Once more for one that is done already, so that it is confirmed again. */
    async openDeletion(assetId: string): Promise<void> {
      try {
        await deletions.insert(stamped(assetId, 'open'));
      } catch (error) {
        if (!isKerkisError(error) || error.kind !== 'already_exists') throw error;
        await deletions.update(assetId, () => ({ doc: stamped(assetId, 'open') }));
      }
    },

    /** Nothing of it is stored any more. */
    async closeDeletion(assetId: string, event: OutboxEntry): Promise<void> {
      await deletions.update(assetId, () => ({ doc: stamped(assetId, 'done'), outbox: [event] }));
    },

    /** Whether the asset was ever to go. */
    async isDeleted(assetId: string): Promise<boolean> {
      return (await deletions.get(assetId)) !== undefined;
    },

    /** Assets whose media is still to go. */
    async openDeletions(limit: number): Promise<string[]> {
      const { items } = await deletions.find({ index: 'state', prefix: `open${separator}`, limit });
      return items.map(({ doc }) => doc.id);
    },

    /** Assets whose media was gone before a time, longest gone first. */
    async doneBefore(time: Date, limit: number): Promise<string[]> {
      const prefix = `done${separator}`;
      const range = { prefix, before: `${prefix}${time.toISOString()}` };
      const { items } = await deletions.find({ index: 'state', ...range, limit });
      return items.map(({ doc }) => doc.id);
    },

    /** Forgets that an asset was to go. */
    async forget(assetId: string): Promise<void> {
      await deletions.delete(assetId);
    },
  };
}
