import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampNow } from '@bufbuild/protobuf/wkt';
import { WorkerSchema } from '@kerkis/contracts/transcode';
import { WorkerAnnouncedSchema } from '@kerkis/contracts/transcode/events';
import { announce, type EventBus, watchAnnouncements } from '@kerkis/events';
import type { WorkerTable } from './worker-table.ts';

/** Tells the mesh that this worker is there. Disposing says goodbye. */
export interface WorkerAnnouncer extends AsyncDisposable {
  /** Takes nothing new from now on. */
  drain(): void;
}

/** What a worker tells of itself that stays. */
export type WorkerIdentity = Required<
  Pick<MessageInitShape<typeof WorkerSchema>, 'id' | 'version' | 'slots' | 'encoders'>
>;

/** How much of it is in use right now. */
export type WorkerLoad = Required<Pick<MessageInitShape<typeof WorkerSchema>, 'busySlots' | 'chunkIds'>>;

/** How often the table is told that workers can be heard. */
const hearingMs = 500;

/** Announces the worker at once and then every `intervalMs`. */
export function announceWorker(
  bus: EventBus,
  identity: WorkerIdentity,
  load: () => WorkerLoad,
  intervalMs: number,
): WorkerAnnouncer {
  const stopping = new AbortController();
  const startTime = timestampNow();
  let draining = false;
  const tell = (stopped = false) => {
    const now = { ...load(), host: hostname(), startTime, draining };
    const worker = create(WorkerSchema, { ...identity, ...now });
    announce(
      bus,
      WorkerAnnouncedSchema,
      { worker, stopped },
      { subjectId: identity.id, source: 'transcode' },
    );
  };
  const run = async () => {
    while (!stopping.signal.aborted) {
      tell();
      await sleep(intervalMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const running = run();
  return {
    drain() {
      draining = true;
      tell();
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await running;
      draining = true;
      tell(true);
    },
  };
}

/** Fills the table with what workers announce from now on. */
export function watchWorkers(bus: EventBus, table: WorkerTable): Disposable {
  const watch = watchAnnouncements(bus, WorkerAnnouncedSchema, ({ worker, stopped }) => {
    if (!worker?.id) return;
    if (stopped) table.left(worker.id);
    else table.heard(worker);
  });
  const timer = setInterval(() => {
    if (bus.ready()) table.hearing();
  }, hearingMs);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      watch[Symbol.dispose]();
    },
  };
}
