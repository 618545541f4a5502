import { isKerkisError, type KerkisError } from '@kerkis/errors';
import { LRUCache } from 'lru-cache';
import { singleFlight } from './single-flight.ts';

/** How answers of the catalog are kept. */
export interface LookupOptions<T> {
  /** Asks the catalog. Throws KerkisError; only `not_found` counts as an answer. */
  readonly load: (id: string) => Promise<T>;
  /** The asset that an answer is about. */
  readonly assetOf: (value: T) => string;
  /** How long an answer counts without asking again. */
  readonly ttlMs: (value: T) => number;
  /** Told of each look. */
  readonly observe: (result: 'hit' | 'miss' | 'stale') => void;
  readonly maxEntries?: number;
}

/** Answers of the catalog, kept for a while and, when it does not answer, for as long as memory allows. */
export interface Lookup<T> {
  get(id: string): Promise<T>;
  /** What is known and still fresh. Counts as no look. */
  peek(id: string): T | undefined;
  /** Something about the asset changed: ask again at the next look. `gone`: what is known is not even good while the catalog is away. */
  invalidate(assetId: string, gone: boolean): void;
  /** Changes may have been missed. */
  invalidateAll(): void;
}

interface Entry<T> {
  readonly value?: T;
  /** The catalog said that there is none. */
  readonly absent?: KerkisError;
  freshUntilMs: number;
  /** The catalog did not answer at the last try: answer at once from what is known and ask in the background. */
  failing: boolean;
}

const absentTtlMs = 1_500;
const retryMs = 1_000;

export function createLookup<T>(options: LookupOptions<T>): Lookup<T> {
  const { load, assetOf, ttlMs, observe } = options;
  const idsByAsset = new Map<string, Set<string>>();
  const entries = new LRUCache<string, Entry<T>>({
    max: options.maxEntries ?? 20_000,
    dispose: ({ value }, id) => value !== undefined && forget(assetOf(value), id),
  });
  const flights = singleFlight<T>();
  // A change that is told while a question is under way may be missing in its answer.
  const underway = new Set<{ readonly changed: Set<string>; all: boolean }>();

  function forget(assetId: string, id: string): void {
    const ids = idsByAsset.get(assetId);
    if (ids?.delete(id) && ids.size === 0) idsByAsset.delete(assetId);
  }

  async function refresh(id: string): Promise<T> {
    const question = { changed: new Set<string>(), all: false };
    underway.add(question);
    try {
      const value = await load(id);
      const assetId = assetOf(value);
      const overtaken = question.all || question.changed.has(assetId);
      entries.set(id, { value, freshUntilMs: overtaken ? 0 : Date.now() + ttlMs(value), failing: false });
      idsByAsset.set(assetId, (idsByAsset.get(assetId) ?? new Set()).add(id));
      return value;
    } catch (error) {
      return recover(id, error);
    } finally {
      underway.delete(question);
    }
  }

  function recover(id: string, error: unknown): T {
    if (isKerkisError(error) && error.kind === 'not_found') {
      entries.set(id, { absent: error, freshUntilMs: Date.now() + absentTtlMs, failing: false });
      throw error;
    }
    const known = entries.get(id);
    if (known?.value === undefined) throw error;
    known.failing = true;
    known.freshUntilMs = Date.now() + retryMs;
    observe('stale');
    return known.value;
  }

  return {
    async get(id) {
      const known = entries.get(id);
      const fresh = known !== undefined && known.freshUntilMs > Date.now();
      if (fresh && known.absent) {
        observe('hit');
        throw known.absent;
      }
      if (known?.value !== undefined && (fresh || known.failing)) {
        observe(known.failing ? 'stale' : 'hit');
        if (!fresh) flights.join(id, () => refresh(id)).catch(() => undefined);
        return known.value;
      }
      observe('miss');
      return flights.join(id, () => refresh(id));
    },
    peek(id) {
      const known = entries.get(id);
      if (known?.value === undefined || known.failing || known.freshUntilMs <= Date.now()) return undefined;
      return known.value;
    },
    invalidate(assetId, gone) {
      for (const question of underway) question.changed.add(assetId);
      for (const id of [...(idsByAsset.get(assetId) ?? [])]) {
        const entry = entries.peek(id);
        if (gone) entries.delete(id);
        else if (entry) entry.freshUntilMs = 0;
      }
    },
    invalidateAll() {
      for (const question of underway) question.all = true;
      for (const entry of entries.values()) entry.freshUntilMs = 0;
    },
  };
}
