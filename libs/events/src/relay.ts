import type { Collection, OutboxEntry } from '@kerkis/documents';
import { type KerkisError, toKerkisError } from '@kerkis/errors';
import type { EventBus } from './bus.ts';
import { publish } from './publish.ts';
import { backoffMs, pause } from './wait.ts';

/** The part of a collection that the relay needs. */
export type OutboxCollection = Pick<
  Collection<{ readonly id: string }>,
  'pendingOutbox' | 'clearOutbox' | 'onOutbox'
>;

/** What to relay. */
export interface RelayOptions {
  readonly bus: EventBus;
  readonly collections: readonly OutboxCollection[];
  /** How often to look for what other processes left behind, milliseconds. Default 2,000. */
  readonly pollMs?: number;
  /** Documents read at a time. Default 100. */
  readonly batch?: number;
}

/** A running relay. Disposing finishes the batch in work; everything else stays in the documents. */
export interface Relay extends AsyncDisposable {
  /** Publishes what is pending now. Returns the number of events; throws what stands in the way. */
  flush(): Promise<number>;
}

const documentsAtATime = 16;
const maxDocuments = 1_000;

/**
 * Publishes the events that documents carry in their outbox, in order per document, then removes them there. Runs at
 * once after a local write, and polls as the reconciler.
 *
 * NATS away: everything stays where it is and is tried again with a growing delay. Killed between publish and removal:
 * the next run publishes again under the same id, and the stream or the idempotent consumer drops the duplicate.
 */
export function startRelay({ bus, collections, pollMs = 2_000, batch = 100 }: RelayOptions): Relay {
  const leaving = new AbortController();
  let written = new AbortController();
  const listening = collections.map((collection) => collection.onOutbox(() => written.abort()));
  let inTurn: Promise<unknown> = Promise.resolve();

  function flush(): Promise<number> {
    const turn = inTurn.then(() => relayAll(bus, collections, batch, leaving.signal));
    inTurn = turn.catch(() => {});
    return turn;
  }

  async function run(): Promise<void> {
    let failures = 0;
    while (!leaving.signal.aborted) {
      written = new AbortController();
      try {
        await bus.whenReady(leaving.signal);
        if (!leaving.signal.aborted && !bus.closed) await flush();
        failures = 0;
      } catch (err) {
        failures += 1;
        bus.logger.warn({ err, failures }, 'Events wait in their documents until they can be published');
      }
      if (failures > 0) await pause(backoffMs(failures, { firstMs: 200, maxMs: 10_000 }), leaving.signal);
      else await pause(pollMs, AbortSignal.any([leaving.signal, written.signal]));
    }
  }

  const running = run();
  return {
    flush,
    async [Symbol.asyncDispose]() {
      for (const listener of listening) listener[Symbol.dispose]();
      leaving.abort();
      await running;
      await inTurn;
    },
  };
}

async function relayAll(
  bus: EventBus,
  collections: readonly OutboxCollection[],
  batch: number,
  signal: AbortSignal,
): Promise<number> {
  const refused: KerkisError[] = [];
  let published = 0;
  for (const collection of collections) {
    const stuck = new Set<string>();
    while (!signal.aborted) {
      const limit = Math.min(maxDocuments, batch + stuck.size);
      const pending = (await collection.pendingOutbox(limit)).filter(({ id }) => !stuck.has(id));
      if (pending.length === 0) break;
      await eachAtATime(pending, documentsAtATime, async ({ id, entries }) => {
        const { ids, failure } = await relayDocument(bus, entries, signal);
        if (ids.length > 0) await collection.clearOutbox(id, ids);
        published += ids.length;
        if (failure === undefined) return;
        if (failure.mapping.retryable) throw failure;
        // One document that cannot be published must not hide those behind it.
        stuck.add(id);
        refused.push(failure);
      });
    }
  }
  if (refused[0] !== undefined) throw refused[0];
  return published;
}

async function relayDocument(
  bus: EventBus,
  entries: readonly OutboxEntry[],
  signal: AbortSignal,
): Promise<{ ids: string[]; failure?: KerkisError }> {
  const ids: string[] = [];
  for (const entry of entries) {
    if (signal.aborted) break;
    try {
      const { id, subject, headers } = entry;
      const data = Buffer.from(entry.data, 'base64');
      await publish(bus, { id, subject, destination: subject, data, headers });
      ids.push(id);
    } catch (error) {
      return { ids, failure: toKerkisError(error) };
    }
  }
  return { ids };
}

async function eachAtATime<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const lane = async () => {
    for (const item of queue) await work(item);
  };
  const results = await Promise.allSettled(Array.from({ length: Math.min(limit, items.length) }, lane));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
