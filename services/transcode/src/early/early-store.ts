import type { Collection, Database } from '@kerkis/documents';
import { isKerkisError } from '@kerkis/errors';
import type { EarlyJob } from './early-job.ts';

/** Transcode's record of work on sources that are still on their way. */
export type EarlyStore = ReturnType<typeof earlyStore>;

/** Records of early work in a database. */
export function earlyStore(database: Database) {
  const jobs: Collection<EarlyJob> = database.collection<EarlyJob>({
    name: 'early_jobs',
    indexes: { asset: ({ assetId }) => assetId, changed: ({ changedAt }) => changedAt },
  });

  return {
    /** Adds it; false when it is there already. */
    async addEarly(job: EarlyJob): Promise<boolean> {
      try {
        await jobs.insert(job);
        return true;
      } catch (error) {
        if (isKerkisError(error) && error.kind === 'already_exists') return false;
        throw error;
      }
    },

    /** The early work with this id, if there is any. */
    async findEarly(id: string): Promise<EarlyJob | undefined> {
      return (await jobs.get(id))?.doc;
    },

    /** Changes it. Undefined when `change` has nothing to do, or it is gone. */
    async changeEarly(
      id: string,
      change: (job: EarlyJob) => EarlyJob | undefined,
    ): Promise<EarlyJob | undefined> {
      let applied = false;
      const updated = await jobs.update(id, (job) => {
        const next = change(job);
        applied = next !== undefined;
        return next && { doc: { ...next, changedAt: new Date().toISOString() } };
      });
      return applied ? updated?.doc : undefined;
    },

    /** All early work on an asset. */
    async earlyOf(assetId: string): Promise<EarlyJob[]> {
      const { items } = await jobs.find({ index: 'asset', equals: assetId, limit: 100 });
      return items.map(({ doc }) => doc);
    },

    /** All early work, longest unchanged first. */
    async allEarly(limit: number): Promise<EarlyJob[]> {
      return (await jobs.find({ index: 'changed', limit })).items.map(({ doc }) => doc);
    },

    /** Forgets it. */
    async removeEarly(id: string): Promise<void> {
      await jobs.delete(id);
    },
  };
}
