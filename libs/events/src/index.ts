export { announce, watchAnnouncements } from './announce.ts';
export {
  connectEvents,
  type EventBus,
  type EventBusOptions,
  type EventCredentials,
} from './bus.ts';
export { type ConsumeOptions, type Consumption, consume, type EventContext } from './consume.ts';
export { type EventMeta, type EventOrigin, event, maxEventBytes } from './event.ts';
export { type LeaseOptions, type LeaseState, type Leases, openLeases } from './leases.ts';
export type { EventLogger } from './logger.ts';
export { type OutboxCollection, type Relay, type RelayOptions, startRelay } from './relay.ts';
export { ensureStreams, type StreamOptions, streamNames, type TaskClass, taskClasses } from './streams.ts';
export { hasTask, publishTask, type QueueLag, queueLag, type TaskRoute } from './task.ts';
export { createTaskPuller, type Task, type TaskPuller, type TaskPullerOptions } from './task-puller.ts';
export type { Backoff } from './wait.ts';
export { type Wake, watch } from './watch.ts';
