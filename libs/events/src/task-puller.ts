import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import { KerkisError } from '@kerkis/errors';
import type { Attributes, Span } from '@opentelemetry/api';
import type { EventBus } from './bus.ts';
import type { Delivery } from './delivery.ts';
import { type EventMeta, readMeta } from './event.ts';
import { keepAlive } from './keep-alive.ts';
import type { PullResult } from './pull.ts';
import { createSource, type Source } from './source.ts';
import { streamNames, type TaskClass, taskClasses, taskConsumer } from './streams.ts';
import { processing } from './tracing.ts';

/** What a worker takes. */
export interface TaskPullerOptions<S extends DescMessage> {
  readonly schema: S;
  /** Classes in the order of preference. Default: all, urgent first. */
  readonly classes?: readonly TaskClass[];
  /** As given to `ensureStreams`, milliseconds. Default 30,000. */
  readonly ackWaitMs?: number;
}

/** One task in hand. It is delivered to another worker unless `working` is called before `ack_wait` is over. */
export interface Task<S extends DescMessage>
  extends Pick<Delivery, 'ack' | 'nak' | 'term' | 'working' | 'deliveries' | 'settled'> {
  readonly class: TaskClass;
  readonly message: MessageShape<S>;
  readonly meta: EventMeta;
  /** Calls `working` at each third of `ack_wait` until disposed of or settled. */
  keepAlive(): Disposable;
  /** Runs the work in a consumer span that continues the trace of whoever made the task. */
  trace<T>(work: (span: Span) => Promise<T>, attributes?: Attributes): Promise<T>;
}

/** The end of the work queue that a worker pulls at. Disposing ends all calls of `next`; tasks in hand are the caller's. */
export interface TaskPuller<S extends DescMessage> extends AsyncDisposable {
  /**
   * The next task of the highest class that has one; waits for one if there is none. Undefined when the signal is
   * aborted or the puller disposed of. Call it once per free slot; calls at the same time share nothing.
   * `classes` narrows this call, e.g. to keep a slot free for urgent work.
   */
  next(signal?: AbortSignal, classes?: readonly TaskClass[]): Promise<Task<S> | undefined>;
}

interface Taken {
  readonly class: TaskClass;
  readonly delivery: Delivery;
}

/**
 * A puller of tasks. Each class is a consumer that all workers share, so a task goes to one of them.
 *
 * `next` first asks class by class for what is there already, so a higher class is always drained first. With nothing
 * there it leaves one open request per class and takes the first answer; the others are taken back, and what was on its
 * way already is returned to the queue at once, unless it is of a higher class: then it is the one that is kept.
 */
export function createTaskPuller<S extends DescMessage>(
  bus: EventBus,
  options: TaskPullerOptions<S>,
): TaskPuller<S> {
  const { schema, classes: allClasses = taskClasses, ackWaitMs = 30_000 } = options;
  const sources = new Map(
    allClasses.map(
      (taskClass) => [taskClass, createSource(bus, taskConsumer(taskClass, ackWaitMs))] as const,
    ),
  );
  const disposed = new AbortController();
  const calls = new Set<Promise<unknown>>();

  async function take(classes: readonly TaskClass[], signal: AbortSignal): Promise<Task<S> | undefined> {
    const chosen = [...sources].filter(([taskClass]) => classes.includes(taskClass));
    while (!signal.aborted && !bus.closed) {
      const taken = (await takeWaiting(chosen, signal)) ?? (await takeFirst(chosen, signal));
      if (taken === undefined) continue;
      if (signal.aborted) {
        taken.delivery.nak();
        continue;
      }
      const task = toTask(bus, schema, taken, ackWaitMs);
      if (task !== undefined) return task;
    }
    return undefined;
  }

  return {
    next(signal, classes = allClasses) {
      const either = signal ? AbortSignal.any([signal, disposed.signal]) : disposed.signal;
      const call = take(classes, either);
      const settled = call.catch(() => {}).finally(() => calls.delete(settled));
      calls.add(settled);
      return call;
    },
    async [Symbol.asyncDispose]() {
      disposed.abort();
      await Promise.all(calls);
    },
  };
}

type Chosen = readonly (readonly [TaskClass, Source])[];

async function takeWaiting(chosen: Chosen, signal: AbortSignal): Promise<Taken | undefined> {
  for (const [taskClass, source] of chosen) {
    if (signal.aborted) return undefined;
    const result = await source.pull({ wait: false }).result;
    if (result.type === 'delivery') return { class: taskClass, delivery: result.delivery };
    if (result.type === 'lost') await source.recover(result.reason, signal);
  }
  return undefined;
}

async function takeFirst(chosen: Chosen, signal: AbortSignal): Promise<Taken | undefined> {
  if (signal.aborted || chosen.length === 0) return undefined;
  const pulls = chosen.map(([taskClass, source]) => ({
    taskClass,
    source,
    open: source.pull({ wait: true }),
  }));
  await firstOf(
    pulls.map(({ open }) => open.result),
    signal,
  );
  const results = await Promise.all(
    pulls.map(async ({ taskClass, source, open }) => ({ taskClass, source, result: await open.cancel() })),
  );
  let kept: Taken | undefined;
  for (const { taskClass, result } of results) {
    if (result.type !== 'delivery') continue;
    if (kept === undefined) kept = { class: taskClass, delivery: result.delivery };
    else result.delivery.nak();
  }
  if (kept !== undefined) return kept;
  for (const { source, result } of results) {
    if (result.type === 'lost') await source.recover(result.reason, signal);
  }
  return undefined;
}

async function firstOf(results: readonly Promise<PullResult>[], signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = () => resolve();
  signal.addEventListener('abort', done, { once: true });
  if (signal.aborted) done();
  for (const result of results) void result.then(done);
  await promise;
  signal.removeEventListener('abort', done);
}

function toTask<S extends DescMessage>(
  bus: EventBus,
  schema: S,
  { class: taskClass, delivery }: Taken,
  ackWaitMs: number,
): Task<S> | undefined {
  const meta = readMeta(delivery.subject, delivery.headers, {
    id: `${streamNames.tasks}:${delivery.sequence}`,
    time: delivery.storedAt,
  });
  const message = readTask(bus, schema, delivery, meta);
  if (message === undefined) return undefined;
  return {
    class: taskClass,
    message,
    meta,
    deliveries: delivery.deliveries,
    get settled() {
      return delivery.settled;
    },
    ack: () => delivery.ack(),
    nak: (delayMs) => delivery.nak(delayMs),
    term: () => delivery.term(),
    working: () => delivery.working(),
    keepAlive: () => keepAlive(delivery, ackWaitMs),
    trace: (work, attributes = {}) =>
      processing(
        bus.tracer,
        {
          destination: `kerkis.task.${taskClass}`,
          messageId: meta.id,
          bodyBytes: delivery.data.byteLength,
          attributes: { 'kerkis.deliveries': delivery.deliveries, ...attributes },
        },
        delivery.headers,
        work,
      ),
  };
}

function readTask<S extends DescMessage>(
  bus: EventBus,
  schema: S,
  delivery: Delivery,
  meta: EventMeta,
): MessageShape<S> | undefined {
  try {
    if (meta.type !== '' && meta.type !== schema.typeName) throw new TypeError(`it is a ${meta.type}`);
    return fromBinary(schema, delivery.data);
  } catch (cause) {
    const err = new KerkisError('invalid', 'TASK_UNREADABLE', `Task ${meta.id} is no ${schema.typeName}.`, {
      cause,
    });
    bus.logger.error({ err, task: meta }, 'A task that nobody can read is given up');
    delivery.term();
    return undefined;
  }
}
