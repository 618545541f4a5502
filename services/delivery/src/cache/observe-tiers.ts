import type { ServiceTelemetry } from '@kerkis/telemetry';
import type { ObservableCounter } from '@opentelemetry/api';
import { type CacheCounts, type TierCounts, tiers } from './counts.ts';

/** Tells what happened in each tier whenever somebody collects. `sizes`: of those that keep something. */
export function observeTiers(
  { meter }: Pick<ServiceTelemetry, 'meter'>,
  counts: CacheCounts,
  sizes: Readonly<Record<string, () => number>>,
): void {
  const each = (counter: ObservableCounter, count: keyof TierCounts, labels: { result?: string } = {}) =>
    counter.addCallback((result) => {
      for (const tier of tiers) result.observe(counts[tier][count], { tier, ...labels });
    });
  const looks = meter.createObservableCounter('kerkis.delivery.tier.looks', {
    description: 'Looks for objects and blocks in memory, on disk, at other edges and in the object store',
  });
  each(looks, 'hits', { result: 'hit' });
  each(looks, 'misses', { result: 'miss' });
  each(looks, 'failures', { result: 'failure' });
  const read = { unit: 'By', description: 'Bytes that each tier gave' };
  each(meter.createObservableCounter('kerkis.delivery.tier.read', read), 'bytes');
  const evictions = { description: 'Objects and blocks that made room for others' };
  each(meter.createObservableCounter('kerkis.delivery.tier.evictions', evictions), 'evictions');
  meter
    .createObservableGauge('kerkis.delivery.tier.size', { unit: 'By', description: 'What a tier keeps now' })
    .addCallback((result) => {
      for (const [tier, size] of Object.entries(sizes)) result.observe(size(), { tier });
    });
}
