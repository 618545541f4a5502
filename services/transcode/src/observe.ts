import { timestampMs } from '@bufbuild/protobuf/wkt';
import { LadderChange } from '@kerkis/contracts/transcode';
import type { QueueLag, TaskClass } from '@kerkis/events';
import type { ServiceTelemetry } from '@kerkis/telemetry';
import { trace } from '@opentelemetry/api';
import type { JobRecord } from './domain/job.ts';

/** What a worker tells about its chunks. */
export interface WorkerObserver {
  /** `kind` is `segments`, or that of side work. */
  chunkEnded(taskClass: TaskClass, kind: string, outcome: 'finished' | 'lost', durationMs: number): void;
  chunkFailed(taskClass: TaskClass, kind: string, reason: string): void;
  /** Media seconds that a finished chunk made of each of its tracks for each second of time. */
  chunkSpeed(taskClass: TaskClass, speed: number): void;
}

/** Slots of a worker: those for any chunk, and those kept for urgent ones and heads. */
export interface SlotCount {
  readonly kind: 'any' | 'reserved';
  readonly total: number;
  readonly busy: number;
}

/** Metrics of the encoding side. */
export function observeWorker({ meter }: ServiceTelemetry): WorkerObserver {
  const durations = meter.createHistogram('kerkis.chunk.duration', {
    unit: 's',
    description: 'Time from lease to commit',
    advice: { explicitBucketBoundaries: [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800] },
  });
  const failures = meter.createCounter('kerkis.chunk.failures', { description: 'Failed attempts by reason' });
  const speeds = meter.createHistogram('kerkis.chunk.speed', {
    description: 'Media seconds made of each track for each second of time',
    advice: { explicitBucketBoundaries: [0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64] },
  });
  return {
    chunkSpeed: (taskClass, speed) => speeds.record(speed, { class: taskClass }),
    chunkEnded: (taskClass, kind, outcome, durationMs) =>
      durations.record(durationMs / 1000, { class: taskClass, kind, outcome }),
    chunkFailed: (taskClass, kind, reason) => failures.add(1, { class: taskClass, kind, reason }),
  };
}

/** How much of a worker is in use. */
export function observeSlots({ meter }: ServiceTelemetry, slots: () => readonly SlotCount[]): void {
  const total = meter.createObservableGauge('kerkis.worker.slots', {
    description: 'Chunks that this worker can run at a time',
  });
  const busy = meter.createObservableGauge('kerkis.worker.slots_busy', {
    description: 'Chunks that this worker runs',
  });
  meter.addBatchObservableCallback(
    (result) => {
      for (const { kind, ...count } of slots()) {
        result.observe(total, count.total, { kind });
        result.observe(busy, count.busy, { kind });
      }
    },
    [total, busy],
  );
}

/** How jobs end, with the reason of those that do not succeed. */
export function observeJobs({
  meter,
  logger,
}: ServiceTelemetry): (record: JobRecord, outcome: 'finished' | 'failed' | 'cancelled') => void {
  const ended = meter.createCounter('kerkis.jobs.ended', {
    description: 'Jobs that ended, by outcome and reason',
  });
  return ({ job }, outcome) => {
    const reason = job.failure?.reason ?? '';
    ended.add(1, { outcome, reason });
    const seconds = job.createTime && Math.round(Date.now() - timestampMs(job.createTime)) / 1000;
    const { id: jobId, assetId, retryCount } = job;
    logger.info({ jobId, assetId, outcome, seconds, retryCount, ...(reason && { reason }) }, 'job ended');
  };
}

/** How ladders are decided after a look at the content. */
export function observeLadders({ meter, logger }: ServiceTelemetry): (record: JobRecord) => void {
  const decided = meter.createCounter('kerkis.ladders.decided', {
    description: 'Ladders decided after a look at the content, by outcome',
  });
  const changed = meter.createCounter('kerkis.ladders.rungs_changed', {
    description: 'Changes of rungs after a look at the content, by kind',
  });
  return ({ job: { id: jobId, ladderNotes }, ladderOutcome: outcome = '' }) => {
    decided.add(1, { outcome });
    const notes = ladderNotes.map(({ track, change, reason }) => {
      if (track !== '') changed.add(1, { change: LadderChange[change].toLowerCase() });
      return `${track}: ${reason}`;
    });
    trace.getActiveSpan()?.addEvent('ladder decided', { 'kerkis.ladder.outcome': outcome, notes });
    logger.info({ jobId, outcome, notes }, 'ladder decided');
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
