import type { ServiceTelemetry } from '@kerkis/telemetry';
import { addressSet, viewerAddress } from '../access/viewer.ts';
import type { Playing } from '../domain/playback.ts';
import { firstFrames } from '../first-playback.ts';
import { createAllowance } from './allowance.ts';
import type { Beacon } from './beacon.ts';

/** Where beacons end: as metrics, and the first frame of each playback ID in the trace of its asset. */
export interface BeaconDesk {
  /** Whether one more is taken from whoever sends this request. */
  allows(request: Parameters<typeof viewerAddress>[0], nowMs: number): boolean;
  told(playing: Playing, beacon: Beacon): void;
  count(outcome: 'taken' | 'limited' | 'refused'): void;
}

/** A page sends a few a minute; many viewers may share an address. An edge measures no more than it can add up on the side. */
const allowance = {
  each: { burst: 60, perSecond: 5 },
  all: { burst: 2000, perSecond: 500 },
};

export function createBeaconDesk({
  telemetry: { meter, tracer },
  trustedProxies,
}: {
  readonly telemetry: Pick<ServiceTelemetry, 'meter' | 'tracer'>;
  readonly trustedProxies: readonly string[];
}): BeaconDesk {
  const trusted = addressSet(trustedProxies);
  const takes = createAllowance(allowance);
  const frameShown = firstFrames(tracer);
  const beacons = meter.createCounter('kerkis.player.beacons', {
    description: 'Beacons that player pages sent',
  });
  const startup = meter.createHistogram('kerkis.player.startup', {
    unit: 's',
    description: 'Time from the wish to watch to the first frame, as players tell it',
    advice: { explicitBucketBoundaries: [0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 8, 13, 20, 60] },
  });
  const stalls = meter.createCounter('kerkis.player.stalls', {
    description: 'How often players ran out of media',
  });
  const stalled = meter.createCounter('kerkis.player.stall.time', {
    unit: 's',
    description: 'Time in which players waited for media',
  });
  const watched = meter.createCounter('kerkis.player.watched', {
    unit: 's',
    description: 'Time in which players played',
  });
  const errors = meter.createCounter('kerkis.player.errors', { description: 'Failures that players met' });
  return {
    allows: (request, nowMs) => takes(viewerAddress(request, trusted), nowMs),
    count: (outcome) => beacons.add(1, { outcome }),
    told(playing, beacon) {
      const labels = { player: beacon.player };
      switch (beacon.event) {
        case 'first_frame':
          startup.record(beacon.startupMs / 1000, labels);
          frameShown(playing, beacon);
          return;
        case 'stall':
          stalls.add(beacon.count, labels);
          stalled.add(beacon.durationMs / 1000, labels);
          return;
        case 'watched':
          watched.add(beacon.durationMs / 1000, labels);
          return;
        case 'error':
          errors.add(1, { ...labels, code: beacon.code, fatal: beacon.fatal });
      }
    },
  };
}
