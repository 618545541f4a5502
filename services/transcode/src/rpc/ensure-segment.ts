import type { HandlerContext } from '@connectrpc/connect';
import { TrackKind } from '@kerkis/contracts/media';
import { type EnsureSegmentRequest, JobState } from '@kerkis/contracts/transcode';
import { KerkisError } from '@kerkis/errors';
import type { JobRecord } from '../domain/job.ts';
import { initKey, segmentKey } from '../domain/segment-keys.ts';
import { segmentCountOf } from '../domain/track-runs.ts';
import { type HurrySegmentDependencies, hurrySegment } from '../planner/hurry-segment.ts';
import type { JobStore } from '../store/jobs.ts';

/** What EnsureSegment needs. */
export interface EnsureSegmentDependencies extends HurrySegmentDependencies {
  readonly jobs: Pick<JobStore, 'findByGeneration' | 'getJob'>;
  /** Resolves when this object may have been stored, or after a while. */
  readonly nextStored: (objectKey: string, signal: AbortSignal) => Promise<void>;
}

const maxWaitMs = 60_000;
/** What is left of the caller's time to answer it. */
const answerMs = 150;

export async function ensureSegment(
  deps: EnsureSegmentDependencies,
  { generationId, track, segment }: EnsureSegmentRequest,
  { signal, timeoutMs }: Pick<HandlerContext, 'signal' | 'timeoutMs'>,
): Promise<{ objectKey: string }> {
  let record = await requireJob(deps.jobs, generationId);
  requirePlanned(record, track, segment);
  const objectKey = segment === 0 ? initKey(record.job, track) : segmentKey(record.job, track, segment);
  const waitMs = Math.max(0, Math.min(maxWaitMs, timeoutMs() ?? maxWaitMs) - answerMs);
  using patience = abortAfter(waitMs, signal);
  for (;;) {
    // Listens before it looks, so that nothing is stored in between unheard.
    const stored = deps.nextStored(objectKey, patience.signal);
    if (await deps.objects.head(objectKey)) return { objectKey };
    // Looked for after the job had ended: it will not come any more.
    if (record.job.state === JobState.FINISHED) throw lost(objectKey);
    if (patience.signal.aborted) break;
    await hurrySegment(deps, record, track, segment);
    await stored;
    if (await deps.objects.head(objectKey)) return { objectKey };
    record = requireRunning(await deps.jobs.getJob(record.job.id));
  }
  throw new KerkisError(
    'deadline',
    'SEGMENT_NOT_READY_IN_TIME',
    'The segment is not encoded yet. Ask again.',
    {
      details: { generationId, track, segment: String(segment) },
    },
  );
}

/** A signal that is aborted when the time is over, or with the other signal. */
function abortAfter(durationMs: number, signal: AbortSignal): { signal: AbortSignal } & Disposable {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), durationMs);
  return {
    signal: AbortSignal.any([signal, over.signal]),
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      over.abort();
    },
  };
}

const lost = (objectKey: string) =>
  new KerkisError('data_loss', 'SEGMENT_LOST', 'The segment was stored and is not there any more.', {
    details: { objectKey },
  });

async function requireJob(
  jobs: Pick<JobStore, 'findByGeneration'>,
  generationId: string,
): Promise<JobRecord> {
  const record = await jobs.findByGeneration(generationId);
  if (record) return requireRunning(record);
  throw new KerkisError('not_found', 'GENERATION_NOT_FOUND', 'There is no job for this generation.', {
    details: { generationId },
  });
}

function requireRunning(record: JobRecord): JobRecord {
  const { state, failure } = record.job;
  if (state !== JobState.FAILED && state !== JobState.CANCELLED) return record;
  throw new KerkisError(
    'precondition',
    'JOB_ENDED',
    'The job that would make this segment ended without success.',
    {
      details: { reason: failure?.reason ?? '', state: JobState[state] },
    },
  );
}

function requirePlanned({ tracks, job }: JobRecord, track: string, segment: number): void {
  if (job.state === JobState.PENDING) {
    throw new KerkisError('unavailable', 'JOB_NOT_PLANNED_YET', 'The job is not planned yet. Ask again.');
  }
  const planned = tracks.find(({ name, kind }) => name === track && kind !== TrackKind.TEXT);
  if (planned && segment <= segmentCountOf(planned.segments)) return;
  throw new KerkisError('not_found', 'SEGMENT_NOT_IN_PLAN', 'The generation has no such track or segment.', {
    details: { track, segment: String(segment) },
  });
}
