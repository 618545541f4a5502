import type { HandlerContext } from '@connectrpc/connect';
import { TrackKind } from '@kerkis/contracts/media';
import { type EnsureSegmentRequest, JobState } from '@kerkis/contracts/transcode';
import { isKerkisError, KerkisError } from '@kerkis/errors';
import type { ObjectStore } from '@kerkis/objects';
import type { JobRecord } from '../domain/job.ts';
import { undecidedTracks } from '../domain/per-title.ts';
import { type GenerationPlace, generationPrefix, initKey, segmentKey } from '../domain/segment-keys.ts';
import { segmentCountOf } from '../domain/track-runs.ts';
import { type HurrySegmentDependencies, hurrySegment } from '../planner/hurry-segment.ts';
import type { JobStore } from '../store/jobs.ts';
import { requireJob, requirePlanned } from './require-job.ts';
import { type StoredInTimeDependencies, storedInTime } from './stored-in-time.ts';

/** What EnsureSegment needs. */
export interface EnsureSegmentDependencies extends HurrySegmentDependencies, StoredInTimeDependencies {
  readonly jobs: Pick<JobStore, 'findByGeneration' | 'getJob'>;
  readonly objects: Pick<ObjectStore, 'head' | 'copy'>;
  /** Stores a segment of a running job that was made while its source was on its way, if there is one. */
  readonly takeEarly?: (record: JobRecord, track: string, segment: number) => Promise<unknown>;
}

export async function ensureSegment(
  deps: EnsureSegmentDependencies,
  { generationId, track, segment }: EnsureSegmentRequest,
  context: Pick<HandlerContext, 'signal' | 'timeoutMs'>,
): Promise<{ objectKey: string }> {
  let record = await requireJob(deps.jobs, generationId);
  requireSegment(record, track, segment);
  const objectKey = segment === 0 ? initKey(record.job, track) : segmentKey(record.job, track, segment);
  if (record.job.state === JobState.RUNNING) {
    if (record.copyOf) await copyNow(deps.objects, record.copyOf, record.job, objectKey);
    else await deps.takeEarly?.(record, track, segment);
  }
  const isStored = await storedInTime(deps, objectKey, context, {
    hurry: async () => {
      // Looked for after the job had ended: it will not come any more.
      if (record.job.state === JobState.FINISHED) throw lost(objectKey);
      if (!record.copyOf) await hurrySegment(deps, record, track, segment);
    },
    lookAgain: async () => {
      record = requirePlanned(await deps.jobs.getJob(record.job.id));
      requireSegment(record, track, segment);
    },
  });
  if (isStored) return { objectKey };
  throw new KerkisError(
    'deadline',
    'SEGMENT_NOT_READY_IN_TIME',
    'The segment is not encoded yet. Ask again.',
    {
      details: { generationId, track, segment: String(segment) },
    },
  );
}

/** A job that takes over everything has it at once. When it is gone where it came from, the job will make it. */
async function copyNow(
  objects: EnsureSegmentDependencies['objects'],
  donor: GenerationPlace,
  place: GenerationPlace,
  objectKey: string,
): Promise<void> {
  try {
    await objects.copy(generationPrefix(donor) + objectKey.slice(generationPrefix(place).length), objectKey);
  } catch (error) {
    if (!isKerkisError(error) || error.kind !== 'not_found') throw error;
  }
}

const lost = (objectKey: string) =>
  new KerkisError('data_loss', 'SEGMENT_LOST', 'The segment was stored and is not there any more.', {
    details: { objectKey },
  });

const undecided = (track: string) =>
  new KerkisError(
    'unavailable',
    'TRACK_NOT_DECIDED_YET',
    'A look at the content decides whether there will be this track. Ask again in a moment.',
    { details: { track } },
  );

function requireSegment(record: JobRecord, track: string, segment: number): void {
  const planned = record.tracks.find(({ name, kind }) => name === track && kind !== TrackKind.TEXT);
  if (planned && segment <= segmentCountOf(planned.segments)) {
    if (undecidedTracks(record).has(track)) throw undecided(track);
    return;
  }
  throw new KerkisError('not_found', 'SEGMENT_NOT_IN_PLAN', 'The generation has no such track or segment.', {
    details: { track, segment: String(segment) },
  });
}
