import type { QueueLag, TaskClass } from '@kerkis/events';
import type { ServiceTelemetry } from '@kerkis/telemetry';

/** What a worker tells about its chunks. */
export interface WorkerObserver {
  chunkEnded(taskClass: TaskClass, outcome: 'finished' | 'lost', durationMs: number): void;
  chunkFailed(taskClass: TaskClass, reason: string): void;
}

/** Metrics of the encoding side. */
export function observeWorker({ meter }: ServiceTelemetry): WorkerObserver {
  const durations = meter.createHistogram('kerkis.chunk.duration', {
    unit: 's',
    description: 'Time from lease to commit',
    advice: { explicitBucketBoundaries: [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800] },
  });
  const failures = meter.createCounter('kerkis.chunk.failures', { description: 'Failed attempts by reason' });
  return {
    chunkEnded: (taskClass, outcome, durationMs) =>
      durations.record(durationMs / 1000, { class: taskClass, outcome }),
    chunkFailed: (taskClass, reason) => failures.add(1, { class: taskClass, reason }),
  };
}

/** Depth of the work queue by class: what workers are scaled on. */
export function observeQueue(
  { meter, logger }: ServiceTelemetry,
  queueLag: () => Promise<Record<TaskClass, QueueLag>>,
): void {
  const pending = meter.createObservableGauge('kerkis.queue.pending', {
    description: 'Tasks that no worker has taken',
  });
  const inFlight = meter.createObservableGauge('kerkis.queue.in_flight', {
    description: 'Tasks that workers hold',
  });
  meter.addBatchObservableCallback(
    async (result) => {
      try {
        for (const [taskClass, lag] of Object.entries(await queueLag())) {
          result.observe(pending, lag.pending, { class: taskClass });
          result.observe(inFlight, lag.inFlight, { class: taskClass });
        }
      } catch (err) {
        logger.debug({ err }, 'queue depth is not known');
      }
    },
    [pending, inFlight],
  );
}
