import type { KerkisError } from '@kerkis/errors';
import type { ServiceTelemetry } from '@kerkis/telemetry';
import type { WaitOutcome } from './store/on-demand.ts';

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
  const sent = meter.createCounter('kerkis.delivery.sent', {
    unit: 'By',
    description: 'Bytes of bodies sent',
  });
  const looks = meter.createCounter('kerkis.delivery.cache.looks', {
    description: 'Looks into the caches of the edge',
  });
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
      if (bytes > 0) sent.add(bytes, { 'http.route': route });
    },
    looked: (tier, result) => looks.add(1, { tier, result }),
    waited: (what, outcome, durationMs) => waits[what].record(durationMs / 1000, { outcome }),
    failed({ route, playbackId, error }) {
      const facts = { err: error, route, playbackId };
      if (error.kind === 'unavailable') logger.warn(facts, 'request could not be served right now');
      else logger.error(facts, 'request failed');
    },
  };
}
