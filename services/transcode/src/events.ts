import type { Failure, Track } from '@kerkis/contracts/media';
import {
  ChunkDiedSchema,
  ChunkFinishedSchema,
  GenerationDeletedSchema,
  JobFailedSchema,
  JobFinishedSchema,
  JobPlannedSchema,
  JobRestartedSchema,
  MediaDeletedSchema,
  TrackFinishedSchema,
  TracksRevisedSchema,
} from '@kerkis/contracts/transcode/events';
import type { OutboxEntry } from '@kerkis/documents';
import { event } from '@kerkis/events';
import type { ChunkRecord } from './domain/chunk.ts';
import type { JobRecord } from './domain/job.ts';

const from = (subjectId: string) => ({ subjectId, source: 'transcode' });
const idsOf = ({ job, run }: JobRecord) => ({
  jobId: job.id,
  assetId: job.assetId,
  generationId: job.generationId,
  run,
});

/** The plan is made. */
export function jobPlanned(record: JobRecord): OutboxEntry {
  const { sourceInfo, grid, id } = record.job;
  const found = { ...(sourceInfo && { sourceInfo }), ...(grid && { grid }) };
  return event(JobPlannedSchema, { ...idsOf(record), ...found, tracks: [...record.tracks] }, from(id));
}

/** Other tracks are offered. */
export const tracksRevised = (record: JobRecord): OutboxEntry =>
  event(
    TracksRevisedSchema,
    { ...idsOf(record), tracks: [...record.tracks], revision: BigInt(record.revision) },
    from(record.job.id),
  );

/** A track is complete. */
export const trackFinished = (record: JobRecord, track: Track): OutboxEntry =>
  event(TrackFinishedSchema, { ...idsOf(record), track }, from(record.job.id));

/** The generation is complete. */
export const jobFinished = (record: JobRecord): OutboxEntry =>
  event(
    JobFinishedSchema,
    {
      ...idsOf(record),
      tracks: [...record.tracks],
      hasPoster: record.artefacts.poster,
      artefacts: record.artefacts,
    },
    from(record.job.id),
  );

/** The job ended without success, and what it stored is deleted. */
export const jobFailed = (record: JobRecord): OutboxEntry =>
  event(
    JobFailedSchema,
    { ...idsOf(record), ...(record.job.failure && { failure: record.job.failure }) },
    from(record.job.id),
  );

/** The job runs again. */
export const jobRestarted = (record: JobRecord): OutboxEntry =>
  event(JobRestartedSchema, idsOf(record), from(record.job.id));

/** A chunk is stored. */
export const chunkFinished = ({ chunk }: ChunkRecord): OutboxEntry =>
  event(ChunkFinishedSchema, { chunkId: chunk.id, jobId: chunk.jobId }, from(chunk.jobId));

/** A chunk failed as often as allowed. */
export const chunkDied = ({ chunk }: ChunkRecord, failure: Failure): OutboxEntry =>
  event(ChunkDiedSchema, { chunkId: chunk.id, jobId: chunk.jobId, failure }, from(chunk.jobId));

/** Everything stored for an asset is deleted. */
export const mediaDeleted = (assetId: string): OutboxEntry =>
  event(MediaDeletedSchema, { assetId }, from(assetId));

/** Everything stored for a generation is deleted. */
export const generationDeleted = (ids: { assetId: string; generationId: string }): OutboxEntry =>
  event(GenerationDeletedSchema, ids, from(ids.assetId));
