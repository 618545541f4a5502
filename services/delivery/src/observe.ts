import type { KerkisError } from '@kerkis/errors';
import type { ServiceTelemetry } from '@kerkis/telemetry';
import type { Attributes, ObservableCounter } from '@opentelemetry/api';
import type { WaitOutcome } from './media/on-demand.ts';

/** Which cache was looked into. */
type CacheTier = 'playback' | 'generation' | 'manifest' | 'object' | 'token';

/** What the edge counts and logs. */
export interface DeliveryObserver {
  answered(request: {
    route: string;
    method: string;
    status: number;
    durationMs: number;
    bytes: number;
  }): void;
  /** The fast path answered, which takes no time that could be told from none. */
  recalled(route: string, method: string, status: number, bytes: number): void;
  looked(tier: CacheTier, result: 'hit' | 'miss' | 'stale'): void;
  waited(what: 'segment' | 'thumbnail', outcome: WaitOutcome, durationMs: number): void;
  /** A request failed for a reason that the viewer is not to blame for. */
  failed(facts: { route: string; playbackId?: string | undefined; error: KerkisError }): void;
}

export function createObserver({
  meter,
  logger,
}: Pick<ServiceTelemetry, 'meter' | 'logger'>): DeliveryObserver {
  const requests = meter.createHistogram('http.server.request.duration', {
    unit: 's',
    description: 'Time until the answer was handed to the network',
    advice: {
      explicitBucketBoundaries: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    },
  });
  // Counted at every request of the fast path: added up here, and told when somebody collects.
  const sent = createTally(
    meter.createObservableCounter('kerkis.delivery.sent', {
      unit: 'By',
      description: 'Bytes of bodies sent',
    }),
    ['http.route'],
  );
  const looks = createTally(
    meter.createObservableCounter('kerkis.delivery.cache.looks', {
      description: 'Looks into the caches of the edge',
    }),
    ['tier', 'result'],
  );
  const recalls = createTally(
    meter.createObservableCounter('kerkis.delivery.recalled', {
      description:
        'Requests answered from memory before any handler, not part of http.server.request.duration',
    }),
    ['http.route', 'http.request.method', 'http.response.status_code'],
  );
  const advice = { explicitBucketBoundaries: [0.25, 0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60] };
  const waits = {
    segment: meter.createHistogram('kerkis.delivery.segment.wait', {
      unit: 's',
      description: 'Time that viewers waited for segments that were not made yet',
      advice,
    }),
    thumbnail: meter.createHistogram('kerkis.delivery.thumbnail.wait', {
      unit: 's',
      description: 'Time that viewers waited for pictures that were not made yet',
      advice,
    }),
  };
  return {
    answered({ route, method, status, durationMs, bytes }) {
      requests.record(durationMs / 1000, {
        'http.request.method': method,
        'http.route': route,
        'http.response.status_code': status,
      });
      if (bytes > 0) sent(bytes, route);
    },
    recalled(route, method, status, bytes) {
      recalls(1, route, method, status);
      if (bytes > 0) sent(bytes, route);
    },
    looked: (tier, result) => looks(1, tier, result),
    waited: (what, outcome, durationMs) => waits[what].record(durationMs / 1000, { outcome }),
    failed({ route, playbackId, error }) {
      const facts = { err: error, route, playbackId };
      if (error.kind === 'unavailable') logger.warn(facts, 'request could not be served right now');
      else logger.error(facts, 'request failed');
    },
  };
}

/** A counter that costs next to nothing to add to. Its labels have few values. */
function createTally(
  counter: ObservableCounter,
  labels: readonly string[],
): (amount: number, ...values: readonly (string | number)[]) => void {
  const sums: Sum[] = [];
  const root: Place = { next: new Map() };
  counter.addCallback((result) => {
    for (const { amount, attributes } of sums) result.observe(amount, attributes);
  });

  function sumOf(values: readonly (string | number)[]): Sum {
    const attributes = Object.fromEntries(labels.map((label, index) => [label, values[index]]));
    const sum = { amount: 0, attributes };
    sums.push(sum);
    return sum;
  }

  return (amount, ...values) => {
    let place = root;
    for (const value of values) {
      const next = place.next.get(value) ?? { next: new Map() };
      place.next.set(value, next);
      place = next;
    }
    place.sum ??= sumOf(values);
    place.sum.amount += amount;
  };
}

interface Sum {
  amount: number;
  readonly attributes: Attributes;
}

/** Sums by the values of their labels, one after the other. */
interface Place {
  readonly next: Map<string | number, Place>;
  sum?: Sum;
}
