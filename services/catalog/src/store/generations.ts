import { fromJson, toJson } from '@bufbuild/protobuf';
import {
  type Generation,
  type GenerationJson,
  GenerationSchema,
  GenerationState,
} from '@kerkis/contracts/catalog';
import type { Collection, CollectionSpec, Database, OutboxEntry } from '@kerkis/documents';
import { isKerkisError, KerkisError } from '@kerkis/errors';
import { isNewsForAsset, isOpen, requestedAtMs } from '../domain/generation.ts';

interface GenerationDocument {
  id: string;
  generation: GenerationJson;
  /** It is complete and its asset may not have heard of it. */
  unsettled?: boolean;
}

const separator = '\u0000';

/** Times in JSON have as many digits as they need, which does not sort; these do. */
const sortable = (time: string | undefined) => new Date(time ?? 0).toISOString();

const inJson = (state: GenerationState) => `GENERATION_STATE_${GenerationState[state]}`;

const spec: CollectionSpec<GenerationDocument> = {
  name: 'generations',
  indexes: {
    asset: ({ generation }) => `${generation.assetId}${separator}${sortable(generation.createTime)}`,
    changed: ({ generation }) => `${generation.state}${separator}${sortable(generation.updateTime)}`,
    unsettled: ({ generation, unsettled }) => (unsettled ? sortable(generation.updateTime) : undefined),
    superseded: ({ generation: { state, supersedeTime } }) =>
      supersedeTime && state === inJson(GenerationState.COMPLETE) ? sortable(supersedeTime) : undefined,
  },
};

/** The catalog's record of generations. */
export type GenerationStore = ReturnType<typeof generationStore>;

const toDocument = (generation: Generation): GenerationDocument => ({
  id: generation.id,
  generation: toJson(GenerationSchema, generation),
});

const toGeneration = (doc: GenerationDocument) => fromJson(GenerationSchema, doc.generation);

const notFound = (generationId: string) =>
  new KerkisError('not_found', 'GENERATION_NOT_FOUND', 'There is no generation with this id.', {
    details: { generationId },
  });

/** Generation records in a database. */
export function generationStore(database: Database) {
  const generations: Collection<GenerationDocument> = database.collection(spec);

  async function findBefore(index: 'unsettled' | 'superseded', before: Date, limit: number) {
    const { items } = await generations.find({ index, before: before.toISOString(), limit });
    return items.map(({ doc }) => toGeneration(doc));
  }

  return {
    /** The outbox of this collection is relayed by the service. */
    collection: generations,

    /** Adds a generation; when its id exists already, the one that exists is the answer. */
    async addGeneration(generation: Generation, events: readonly OutboxEntry[]): Promise<Generation> {
      try {
        return toGeneration((await generations.insert(toDocument(generation), events)).doc);
      } catch (error) {
        if (!isKerkisError(error) || error.kind !== 'already_exists') throw error;
        return this.getGeneration(generation.id);
      }
    },

    /** Reads a generation. Throws GENERATION_NOT_FOUND. */
    async getGeneration(generationId: string): Promise<Generation> {
      const found = await generations.get(generationId);
      if (!found) throw notFound(generationId);
      return toGeneration(found.doc);
    },

    /** Changes a generation; `change` answers undefined when there is nothing to do. Undefined when it does not exist. */
    async changeGeneration(
      generationId: string,
      change: (generation: Generation) => Generation | undefined,
      events: readonly OutboxEntry[] = [],
    ): Promise<Generation | undefined> {
      const updated = await generations.update(generationId, (doc) => {
        const before = toGeneration(doc);
        const next = change(before);
        const unsettled = next && (doc.unsettled || isNewsForAsset(before, next));
        return next && { doc: { ...toDocument(next), ...(unsettled && { unsettled }) }, outbox: events };
      });
      return updated && toGeneration(updated.doc);
    },

    /** Its asset knows of it, as it was given. One that was asked for again since then stays as it is. */
    async markSettled(generation: Generation): Promise<void> {
      await generations.update(generation.id, ({ unsettled, ...doc }) => {
        const isSame = requestedAtMs(toGeneration(doc)) === requestedAtMs(generation);
        return unsettled && isSame ? { doc } : undefined;
      });
    },

    /** One page of an asset's generations, newest first. */
    async listGenerations(assetId: string, pageSize: number, pageToken: string) {
      const page = await generations.find({
        index: 'asset',
        prefix: `${assetId}${separator}`,
        order: 'desc',
        limit: pageSize,
        ...(pageToken && { pageToken }),
      });
      return {
        generations: page.items.map(({ doc }) => toGeneration(doc)),
        nextPageToken: page.nextPageToken ?? '',
      };
    },

    /** Every generation of an asset, newest first. */
    async *generationsOf(assetId: string): AsyncIterable<Generation> {
      let pageToken = '';
      do {
        const page = await this.listGenerations(assetId, 100, pageToken);
        yield* page.generations;
        pageToken = page.nextPageToken;
      } while (pageToken);
    },

    /** Generations in one of these states that did not change since a time, for each state longest unchanged first. */
    async findStale(states: readonly GenerationState[], before: Date, limit: number): Promise<Generation[]> {
      const found = await Promise.all(
        states.map((state) => {
          const prefix = `${inJson(state)}${separator}`;
          const range = { prefix, before: `${prefix}${before.toISOString()}` };
          return generations.find({ index: 'changed', ...range, limit });
        }),
      );
      return found.flatMap(({ items }) => items.map(({ doc }) => toGeneration(doc)));
    },

    /** Generations whose asset may not have heard of them, unchanged since a time. */
    findUnsettled: (before: Date, limit: number) => findBefore('unsettled', before, limit),

    /** Generations in whose place another one plays since before a time, longest first. */
    findSuperseded: (before: Date, limit: number) => findBefore('superseded', before, limit),

    /** Whether a generation of the asset is still to become complete. */
    async hasOpenGeneration(assetId: string): Promise<boolean> {
      for await (const generation of this.generationsOf(assetId)) if (isOpen(generation)) return true;
      return false;
    },

    /** Removes a generation. */
    async removeGeneration(generationId: string): Promise<void> {
      await generations.delete(generationId);
    },

    /** Removes every generation of an asset. */
    async removeGenerations(assetId: string): Promise<void> {
      for (;;) {
        const { generations: page } = await this.listGenerations(assetId, 100, '');
        if (page.length === 0) return;
        for (const { id } of page) await generations.delete(id);
      }
    },
  };
}
