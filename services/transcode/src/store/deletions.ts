import type { CollectionSpec, Database, OutboxEntry } from '@kerkis/documents';
import { isKerkisError } from '@kerkis/errors';

/** What is to go: everything of an asset, or one of its generations. */
export interface MediaToGo {
  readonly assetId: string;
  readonly generationId?: string;
}

interface DeletionDocument {
  /** The generation, or the asset. */
  readonly id: string;
  /** The asset of a generation. Absent when the whole asset is to go. */
  readonly assetId?: string;
  readonly state: 'open' | 'done';
  readonly changedAt: string;
}

const separator = '\u0000';

const spec: CollectionSpec<DeletionDocument> = {
  name: 'media_deletions',
  indexes: { state: (doc) => `${doc.state}${separator}${doc.changedAt}` },
};

const toMedia = ({ id, assetId }: DeletionDocument): MediaToGo =>
  assetId === undefined ? { assetId: id } : { assetId, generationId: id };

/** Media that is to go, or went a while ago: a late request to encode some of it must find that out. */
export type DeletionStore = ReturnType<typeof deletionStore>;

/** Records of deleted assets and generations in a database. */
export function deletionStore(database: Database) {
  const deletions = database.collection(spec);
  const stamped = (
    { assetId, generationId }: MediaToGo,
    state: DeletionDocument['state'],
  ): DeletionDocument => ({
    ...(generationId === undefined ? { id: assetId } : { id: generationId, assetId }),
    state,
    changedAt: new Date().toISOString(),
  });

  return {
    /** The outbox of this collection is relayed by the service. */
    collection: deletions,

    /** This is to go. Once more for what is done already, so that it is confirmed again. */
    async openDeletion(media: MediaToGo): Promise<void> {
      const doc = stamped(media, 'open');
      try {
        await deletions.insert(doc);
      } catch (error) {
        if (!isKerkisError(error) || error.kind !== 'already_exists') throw error;
        await deletions.update(doc.id, () => ({ doc }));
      }
    },

    /** Nothing of it is stored any more. */
    async closeDeletion(media: MediaToGo, event: OutboxEntry): Promise<void> {
      const doc = stamped(media, 'done');
      await deletions.update(doc.id, () => ({ doc, outbox: [event] }));
    },

    /** What was ever to go of this: all of the asset, or the generation. */
    async findDeleted({ assetId, generationId }: Required<MediaToGo>): Promise<MediaToGo | undefined> {
      const found = (await deletions.get(assetId)) ?? (await deletions.get(generationId));
      return found && toMedia(found.doc);
    },

    /** What is still to go. */
    async openDeletions(limit: number): Promise<MediaToGo[]> {
      const { items } = await deletions.find({ index: 'state', prefix: `open${separator}`, limit });
      return items.map(({ doc }) => toMedia(doc));
    },

    /** What was gone before a time, longest gone first. */
    async doneBefore(time: Date, limit: number): Promise<MediaToGo[]> {
      const prefix = `done${separator}`;
      const range = { prefix, before: `${prefix}${time.toISOString()}` };
      const { items } = await deletions.find({ index: 'state', ...range, limit });
      return items.map(({ doc }) => toMedia(doc));
    },

    /** Forgets that it was to go. */
    async forget({ assetId, generationId }: MediaToGo): Promise<void> {
      await deletions.delete(generationId ?? assetId);
    },
  };
}
