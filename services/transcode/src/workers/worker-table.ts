import type { Worker } from '@kerkis/contracts/transcode';

/** A worker that announced itself. */
interface KnownWorker {
  /** As it told. */
  readonly worker: Worker;
  /** When that was. */
  readonly seenAt: Date;
}

/** The workers that are there now, as their announcements tell. */
export interface WorkerTable {
  heard(worker: Worker): void;
  /** It said goodbye. */
  left(workerId: string): void;
  /** The workers heard of within the last ten seconds, by id. */
  list(): KnownWorker[];
  /** Encoders in hardware of at least one worker that takes chunks. */
  encoders(): string[];
  /** How long there has been no worker with this encoder, milliseconds; 0 while there is one. */
  missingForMs(encoder: string): number;
  /** How long the table has been listening, milliseconds. */
  listeningForMs(): number;
  /**
   * How long nothing was heard of a worker although it could have been, milliseconds. Of one that was never heard of: since the table
   * can hear. 0 while it cannot.
   */
  silentForMs(workerId: string): number;
  /** Workers can be heard right now. To be called every half second: silence before a break in these calls is nobody's. */
  hearing(): void;
}

const silenceMs = 10_000;
/** More workers than any mesh has: a bound for what NATS may tell. */
const maxWorkers = 10_000;
/** Without a call for so long the table was deaf: NATS was away, or this process stood still. */
const deafAfterMs = 1_500;
/** More encoders than there are. */
const maxEncoders = 1_000;

/** A table that has heard of nobody. */
export function createWorkerTable(now: () => number = Date.now): WorkerTable {
  const startedMs = now();
  const workers = new Map<string, { readonly worker: Worker; readonly heardMs: number }>();
  /** When a worker with each encoder was last heard of. */
  const offered = new Map<string, number>();

  let [hearingSinceMs, heardUntilMs] = [startedMs, startedMs];

  function present() {
    for (const [id, { heardMs }] of workers) if (now() - heardMs > silenceMs) workers.delete(id);
    return [...workers.values()];
  }

  function encoders(): string[] {
    const found = present().flatMap(({ worker }) => (worker.draining ? [] : worker.encoders));
    return [...new Set(found)].toSorted();
  }

  return {
    encoders,
    heard(worker) {
      if (!workers.has(worker.id) && workers.size >= maxWorkers) return;
      const heardMs = now();
      workers.set(worker.id, { worker, heardMs });
      if (worker.draining) return;
      for (const encoder of worker.encoders) {
        if (offered.has(encoder) || offered.size < maxEncoders) offered.set(encoder, heardMs);
      }
    },
    left(workerId) {
      workers.delete(workerId);
    },
    list: () =>
      present()
        .map(({ worker, heardMs }) => ({ worker, seenAt: new Date(heardMs) }))
        .toSorted((a, b) => (a.worker.id < b.worker.id ? -1 : 1)),
    missingForMs(encoder) {
      if (encoders().includes(encoder)) return 0;
      return Math.max(0, now() - (offered.get(encoder) ?? startedMs));
    },
    listeningForMs: () => now() - startedMs,
    silentForMs(workerId) {
      if (now() - heardUntilMs > deafAfterMs) return 0;
      return Math.max(0, now() - Math.max(hearingSinceMs, workers.get(workerId)?.heardMs ?? 0));
    },
    hearing() {
      if (now() - heardUntilMs > deafAfterMs) hearingSinceMs = now();
      heardUntilMs = now();
    },
  };
}
