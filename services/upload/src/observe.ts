import { UploadMethod, UploadState } from '@kerkis/contracts/upload';
import type { ServiceTelemetry } from '@kerkis/telemetry';
import type { Session } from './domain/session.ts';

/** One function for each thing that happens: its metric and its log line. */
export type Observe = ReturnType<typeof createObserve>;

/** Observes the upload service. */
export function createObserve({ meter, logger }: Pick<ServiceTelemetry, 'meter' | 'logger'>) {
  const started = meter.createCounter('kerkis.upload.sessions.started', {
    description: 'Upload sessions opened, by method.',
  });
  const ended = meter.createCounter('kerkis.upload.sessions.ended', {
    description: 'Upload sessions that ended, by method, state and reason.',
  });
  const received = meter.createCounter('kerkis.upload.received', {
    unit: 'By',
    description: 'Bytes received, by method.',
  });
  const verified = meter.createHistogram('kerkis.upload.verify.duration', {
    unit: 's',
    description: 'Time from the last byte of a source to its end, verification included.',
    advice: { explicitBucketBoundaries: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300] },
  });
  const methodOf = ({ upload }: Session) => UploadMethod[upload.method].toLowerCase();
  const idsOf = ({ upload }: Session) => ({ uploadId: upload.id, assetId: upload.assetId });

  return {
    sessionStarted(session: Session): void {
      started.add(1, { method: methodOf(session) });
      logger.info(
        { ...idsOf(session), method: methodOf(session), sizeBytes: Number(session.upload.sizeBytes) },
        'upload started',
      );
    },
    bytesReceived(session: Session, sizeBytes: number): void {
      received.add(sizeBytes, { method: methodOf(session) });
    },
    sessionVerified(_session: Session, durationMs: number): void {
      verified.record(durationMs / 1000);
    },
    sessionEnded(session: Session): void {
      const { state, failure } = session.upload;
      const reason = failure?.reason ?? '';
      ended.add(1, { method: methodOf(session), state: UploadState[state].toLowerCase(), reason });
      if (failure) logger.warn({ ...idsOf(session), reason, details: failure.details }, 'upload failed');
      else
        logger.info({ ...idsOf(session), sizeBytes: Number(session.upload.sizeBytes) }, 'upload completed');
    },
  };
}
