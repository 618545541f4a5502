import type { ServiceTelemetry } from '@kerkis/telemetry';
import type { ChunkRecord } from '../domain/chunk.ts';
import type { EarlyJob } from './early-job.ts';

/** Early work that begins. */
export function observeEarly({ meter, logger }: ServiceTelemetry): (job: EarlyJob) => void {
  const begun = meter.createCounter('kerkis.early.begun', {
    description: 'Sources of which something is encoded while they arrive, by container',
  });
  return ({ uploadId, assetId, arrivedBytes, early }) => {
    const container = early?.plan.source.container ?? '';
    begun.add(1, { container });
    logger.info({ uploadId, assetId, arrivedBytes, container }, 'encoding begins while the source arrives');
  };
}

/** Chunks that need not be encoded any more when their source is complete. */
export function observeEarlyTaken({ meter }: ServiceTelemetry): (record: ChunkRecord) => void {
  const taken = meter.createCounter('kerkis.early.chunks_taken', {
    description: 'Chunks that were made while their source arrived',
  });
  return () => taken.add(1);
}
