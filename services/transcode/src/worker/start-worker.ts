import { setTimeout as sleep } from 'node:timers/promises';
import { EncodeChunkSchema } from '@kerkis/contracts/transcode/tasks';
import { createTaskPuller, type EventBus, type TaskClass } from '@kerkis/events';
import type { SlotCount } from '../observe.ts';
import { type ChunkTask, type RunChunkDependencies, runChunk } from './run-chunk.ts';

/** How many chunks a worker takes at a time. */
export interface WorkerOptions {
  readonly slots: number;
  /** How long running chunks may take to finish when the worker stops, before they are handed back, milliseconds. */
  readonly drainMs: number;
}

/** A running worker. Disposing lets it finish or hand back what it has. */
export interface Worker extends AsyncDisposable {
  /** How much of it is in use. */
  slots(): readonly SlotCount[];
  /** Ids of the chunks that it has in hand. */
  chunkIds(): string[];
}

/** A viewer who seeks again and again must not wait for what was made for the places before. */
const minUrgentSlots = 4;

/**
 * Takes chunks and encodes them until it is disposed of. Each slot takes the most urgent task there is; some slots more take urgent ones
 * only, and one no bulk, so that neither a viewer nor a new asset waits for a bulk chunk to end.
 */
export function startWorker(
  bus: EventBus,
  deps: RunChunkDependencies,
  { slots, drainMs }: WorkerOptions,
): Worker {
  const puller = createTaskPuller(bus, { schema: EncodeChunkSchema });
  const leaving = new AbortController();
  const stopping = new AbortController();

  const busy = { any: 0, reserved: 0 };
  const inHand = new Set<ChunkTask>();

  async function runSlot(classes?: readonly TaskClass[]): Promise<void> {
    const kind = classes ? 'reserved' : 'any';
    for (;;) {
      try {
        const task = await puller.next(leaving.signal, classes);
        if (!task) return;
        busy[kind]++;
        inHand.add(task);
        await settled(task).finally(() => {
          busy[kind]--;
          inHand.delete(task);
        });
      } catch (err) {
        // A slot that ended would be missed until the process is started again.
        deps.logger.error({ err }, 'no task could be taken');
        await sleep(1_000, undefined, { signal: leaving.signal }).catch(() => {});
      }
    }
  }

  async function settled(task: ChunkTask): Promise<void> {
    try {
      await runChunk(deps, task, stopping.signal);
    } catch (err) {
      // The record could not be read or written: whoever gets the task next finds out what is true.
      deps.logger.error({ err, chunkId: task.message.chunkId }, 'chunk could not be settled');
      if (!task.settled) task.nak(2_000);
    }
  }

  const reserved: TaskClass[][] = [
    ['urgent', 'head'],
    ...Array.from({ length: Math.max(minUrgentSlots, slots) }, (): TaskClass[] => ['urgent']),
  ];
  const running = Promise.all([...Array.from({ length: slots }, () => runSlot()), ...reserved.map(runSlot)]);
  return {
    slots: () => [
      { kind: 'any', total: slots, busy: busy.any },
      { kind: 'reserved', total: reserved.length, busy: busy.reserved },
    ],
    chunkIds: () => [...inHand].map(({ message }) => message.chunkId),
    async [Symbol.asyncDispose]() {
      leaving.abort();
      const timer = setTimeout(() => stopping.abort(), drainMs);
      await running.finally(() => clearTimeout(timer));
      await puller[Symbol.asyncDispose]();
    },
  };
}
