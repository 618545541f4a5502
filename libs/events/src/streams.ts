import { KerkisError } from '@kerkis/errors';
import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  ReplayPolicy,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { EventBus } from './bus.ts';
import { apiCode, apiCodes, eventsFailure } from './failure.ts';
import { backoffMs, pause } from './wait.ts';

/** Names of the two streams. */
export const streamNames = { events: 'KERKIS_EVENTS', tasks: 'KERKIS_TASKS' } as const;

/**
 * Why a task was made, in the order in which workers take them: a viewer is waiting; the first chunks of a new asset;
 * the rest.
 */
export const taskClasses = ['urgent', 'head', 'bulk'] as const;

/** One of {@link taskClasses}. */
export type TaskClass = (typeof taskClasses)[number];

/** How the streams are kept. */
export interface StreamOptions {
  /** Copies of each message in a cluster, 1 to 5. Default 1. */
  readonly replicas?: number;
  /** How long events are kept, days. Default 7. */
  readonly eventDays?: number;
  /** A task that shows no sign of life for so long is given to another worker, milliseconds. Default 30,000. */
  readonly taskAckWaitMs?: number;
  /** How long to keep trying while the server starts, milliseconds. Default 30,000. */
  readonly patienceMs?: number;
}

/** One durable pull consumer. All replicas of a service share it. */
export interface ConsumerSpec {
  readonly stream: string;
  readonly durable: string;
  /** One subject or wildcard: NATS 2.9 takes no list. */
  readonly filter: string;
  readonly ackWaitMs: number;
  /** The most unacknowledged messages over all replicas, -1 for no limit. */
  readonly maxInFlight: number;
}

const duplicateWindowMs = 2 * 60_000;
const defaultTaskAckWaitMs = 30_000;
// Open requests of all replicas together; the server's default of 512 is used up by 22 workers of 8 slots.
const maxOpenPulls = 8_192;

type StreamSpec = Pick<
  StreamConfig,
  'name' | 'subjects' | 'retention' | 'storage' | 'num_replicas' | 'max_age' | 'duplicate_window'
>;

/** The consumer that all workers share for one class of tasks. */
export function taskConsumer(taskClass: TaskClass, ackWaitMs = defaultTaskAckWaitMs): ConsumerSpec {
  return {
    stream: streamNames.tasks,
    durable: `worker-${taskClass}`,
    filter: `kerkis.task.${taskClass}.>`,
    ackWaitMs,
    maxInFlight: -1,
  };
}

/**
 * Creates or corrects both streams and the consumers of the task classes, and keeps doing so: after a reconnect, when a
 * publish finds no stream and when a consumer is gone, so a wiped store heals by itself. Every service calls it once.
 *
 * Throws `unavailable` EVENTS_UNAVAILABLE when the server does not come up in time, `precondition` STREAM_DIFFERS when a
 * stream of that name exists that cannot be corrected.
 */
export async function ensureStreams(bus: EventBus, options: StreamOptions = {}): Promise<void> {
  const restore = async () => {
    for (const spec of streamSpecs(options)) await ensureStream(bus, spec);
    for (const taskClass of taskClasses)
      await ensureConsumer(bus, taskConsumer(taskClass, options.taskAckWaitMs));
  };
  bus.onRestore(restore);
  const patience = AbortSignal.timeout(options.patienceMs ?? 30_000);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await bus.restore();
      return;
    } catch (error) {
      const failure = eventsFailure(error, 'the set-up of the streams');
      if (!failure.mapping.retryable || patience.aborted) throw failure;
      bus.logger.warn({ err: failure, attempt }, 'The streams cannot be set up yet');
      await pause(backoffMs(attempt, { firstMs: 100, maxMs: 2_000 }), patience);
    }
  }
}

/** Creates the consumer, or corrects what differs. */
export async function ensureConsumer(bus: EventBus, spec: ConsumerSpec): Promise<void> {
  const config: Partial<ConsumerConfig> = {
    durable_name: spec.durable,
    filter_subject: spec.filter,
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(spec.ackWaitMs),
    deliver_policy: DeliverPolicy.All,
    replay_policy: ReplayPolicy.Instant,
    max_deliver: -1,
    max_ack_pending: spec.maxInFlight,
    max_waiting: maxOpenPulls,
  };
  const existing = await bus.manager.consumers.info(spec.stream, spec.durable).catch((error: unknown) => {
    if (apiCode(error) === apiCodes.consumerNotFound) return undefined;
    throw error;
  });
  if (existing === undefined) {
    await bus.manager.consumers.add(spec.stream, config);
    return;
  }
  const { ack_wait, filter_subject, max_ack_pending } = existing.config;
  const same =
    ack_wait === config.ack_wait &&
    filter_subject === config.filter_subject &&
    max_ack_pending === config.max_ack_pending;
  if (same) return;
  await bus.manager.consumers.update(spec.stream, spec.durable, {
    ack_wait: nanos(spec.ackWaitMs),
    filter_subject: spec.filter,
    max_ack_pending: spec.maxInFlight,
  });
}

function streamSpecs(options: StreamOptions): StreamSpec[] {
  const shared = {
    storage: StorageType.File,
    num_replicas: options.replicas ?? 1,
    duplicate_window: nanos(duplicateWindowMs),
  };
  return [
    {
      ...shared,
      name: streamNames.events,
      subjects: ['kerkis.event.>'],
      retention: RetentionPolicy.Limits,
      max_age: nanos((options.eventDays ?? 7) * 24 * 60 * 60_000),
    },
    {
      ...shared,
      name: streamNames.tasks,
      subjects: ['kerkis.task.>'],
      retention: RetentionPolicy.Workqueue,
      max_age: 0,
    },
  ];
}

async function ensureStream(bus: EventBus, spec: StreamSpec): Promise<void> {
  const existing = await streamConfig(bus, spec.name);
  if (existing === undefined) {
    await bus.manager.streams.add(spec).catch(async (error: unknown) => {
      // Another replica was quicker, with other settings.
      if (apiCode(error) !== apiCodes.streamNameInUse) throw error;
      await bus.manager.streams.update(spec.name, spec);
    });
    return;
  }
  if (existing.retention !== spec.retention || existing.storage !== spec.storage) {
    throw new KerkisError(
      'precondition',
      'STREAM_DIFFERS',
      `The NATS stream ${spec.name} exists with retention ${existing.retention} on ${existing.storage} storage. ` +
        `Delete it, then start again: it is created with ${spec.retention} on ${spec.storage}.`,
    );
  }
  const same =
    existing.num_replicas === spec.num_replicas &&
    existing.max_age === spec.max_age &&
    existing.duplicate_window === spec.duplicate_window &&
    existing.subjects.join() === spec.subjects.join();
  if (!same) await bus.manager.streams.update(spec.name, spec);
}

async function streamConfig(bus: EventBus, name: string): Promise<StreamConfig | undefined> {
  try {
    return (await bus.manager.streams.info(name)).config;
  } catch (error) {
    if (apiCode(error) === apiCodes.streamNotFound) return undefined;
    throw error;
  }
}
