import type { HandlerContext } from '@connectrpc/connect';
import type { EnsureThumbnailRequest } from '@kerkis/contracts/transcode';
import { KerkisError } from '@kerkis/errors';
import type { JobRecord } from '../domain/job.ts';
import { generationPrefix, thumbnailPath } from '../domain/segment-keys.ts';
import { type HurryThumbnailDependencies, hurryThumbnail } from '../planner/hurry-thumbnail.ts';
import type { JobStore } from '../store/jobs.ts';
import { requireJob, requireRunning } from './require-job.ts';
import { type StoredInTimeDependencies, storedInTime } from './stored-in-time.ts';

/** What EnsureThumbnail needs. */
export interface EnsureThumbnailDependencies extends HurryThumbnailDependencies, StoredInTimeDependencies {
  readonly jobs: Pick<JobStore, 'findByGeneration' | 'getJob'>;
}

const defaultWidth = 640;

export async function ensureThumbnail(
  deps: EnsureThumbnailDependencies,
  request: Pick<EnsureThumbnailRequest, 'generationId' | 'timeMs' | 'width'>,
  context: Pick<HandlerContext, 'signal' | 'timeoutMs'>,
): Promise<{ objectKey: string }> {
  const { generationId } = request;
  const record = await requireJob(deps.jobs, generationId);
  const picture = { timeMs: Number(request.timeMs), width: request.width || defaultWidth };
  requirePicture(record, picture.timeMs);
  const objectKey = `${generationPrefix(record.job)}${thumbnailPath(picture)}`;
  const isStored = await storedInTime(deps, objectKey, context, {
    hurry: () => hurryThumbnail(deps, record, picture),
    lookAgain: async () => {
      requireRunning(await deps.jobs.getJob(record.job.id));
    },
  });
  if (isStored) return { objectKey };
  throw new KerkisError('deadline', 'PICTURE_NOT_READY_IN_TIME', 'The picture is not made yet. Ask again.', {
    details: { generationId, timeMs: String(picture.timeMs) },
  });
}

function requirePicture({ plan, job }: JobRecord, timeMs: number): void {
  const hasPicture = plan?.source.video !== undefined || plan?.source.attachedPicture !== undefined;
  if (hasPicture && timeMs < Number(job.grid?.durationMs ?? 0)) return;
  throw new KerkisError(
    'not_found',
    'PICTURE_NOT_AVAILABLE',
    hasPicture ? 'It ends before this time.' : 'There is no picture to show.',
    { details: { timeMs: String(timeMs) } },
  );
}
