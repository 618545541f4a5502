import { performance } from 'node:perf_hooks';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { EdgeLoadSchema } from '@kerkis/contracts/delivery';

/** How an edge is. */
export interface HealthReport {
  /** Why it is not ready; empty if it is. */
  readonly notReadyReason: '' | 'OBJECTS_UNAVAILABLE' | 'OVER_CAPACITY';
  readonly load: Required<Pick<MessageInitShape<typeof EdgeLoadSchema>, 'busyPercent'>> & {
    readonly requestsPerSecond: number;
    readonly sentBytesPerSecond: bigint;
  };
}

/** Watches how this edge is. */
export interface Health {
  /** An answer was given. */
  answered(bytes: number): void;
  /** How it is now; figures are those since the last report. */
  report(): Promise<HealthReport>;
}

/** What health is made of. */
export interface HealthOptions {
  /** Throws when the object store does not answer. */
  readonly pingObjects: () => Promise<unknown>;
  /** How long the store may take to answer, milliseconds. */
  readonly pingMs: number;
  /** Share of the time since the last call in which this process computed. */
  readonly busy?: () => number;
}

const overPercent = 98;
const relaxedPercent = 90;
/** One film that begins, or a collection of garbage, is not too much. */
const reportsInARow = 3;

export function createHealth({ pingObjects, pingMs, busy = eventLoopShare() }: HealthOptions): Health {
  let since = performance.now();
  let requests = 0;
  let bytes = 0;
  let fullReports = 0;
  let isOver = false;

  function load(): HealthReport['load'] {
    const seconds = Math.max(0.001, (performance.now() - since) / 1000);
    const figures = {
      busyPercent: Math.round(busy() * 100),
      requestsPerSecond: Math.round(requests / seconds),
      sentBytesPerSecond: BigInt(Math.round(bytes / seconds)),
    };
    since = performance.now();
    requests = 0;
    bytes = 0;
    return figures;
  }

  function look(busyPercent: number): void {
    fullReports = busyPercent >= overPercent ? fullReports + 1 : 0;
    if (fullReports >= reportsInARow) isOver = true;
    else if (busyPercent < relaxedPercent) isOver = false;
  }

  return {
    answered(sentBytes) {
      requests += 1;
      bytes += sentBytes;
    },
    async report() {
      const hasObjects = await answers(pingObjects, pingMs);
      const figures = load();
      look(figures.busyPercent);
      const notReadyReason = !hasObjects ? 'OBJECTS_UNAVAILABLE' : isOver ? 'OVER_CAPACITY' : '';
      return { notReadyReason, load: figures };
    },
  };
}

async function answers(ping: () => Promise<unknown>, withinMs: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(() => resolve(false), withinMs);
  try {
    const answered = ping().then(
      () => true,
      () => false,
    );
    return await Promise.race([answered, late]);
  } finally {
    clearTimeout(timer);
  }
}

function eventLoopShare(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
