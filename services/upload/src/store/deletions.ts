import type { Collection, Database, OutboxEntry } from '@kerkis/documents';
import { newId } from '@kerkis/ids';

/** Tells events of assets of which no session is left to carry them. */
export type DeletionStore = ReturnType<typeof deletionStore>;

/** Carriers of events in a database: each is gone at once, its events stay until they are published. */
export function deletionStore(database: Database) {
  const deletions: Collection<{ id: string }> = database.collection({
    name: 'source_deletions',
    indexes: {},
  });
  return {
    /** The outbox of this collection is relayed by the service. */
    collection: deletions,

    /** Tells an event. */
    async tell(event: OutboxEntry): Promise<void> {
      const carrier = await deletions.insert({ id: newId('evt') }, [event]);
      await deletions.delete(carrier.doc.id);
    },
  };
}
