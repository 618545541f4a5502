import { create, fromJson } from '@bufbuild/protobuf';
import { SourceSchema } from '@kerkis/contracts/catalog';
import { type ProfileJson, ProfileSchema } from '@kerkis/contracts/media';
import { JobState } from '@kerkis/contracts/transcode';
import type { SourceArriving } from '@kerkis/contracts/upload/events';
import { idForRequest } from '@kerkis/ids';
import { type ArrivalNeeds, type MediaPlan, readySeconds } from '@kerkis/media';
import { type JobRecord, newJob } from '../domain/job.ts';

/**
 * Work on a source that is still on its way. It is no job that anybody sees: its chunks make segments below a prefix of their own, of
 * which the job of the source takes those that it would make itself, byte for byte. Losing any of it loses nothing but time.
 */
export interface EarlyJob {
  /** Its chunks carry it. */
  readonly id: string;
  readonly uploadId: string;
  readonly assetId: string;
  /** Names where its segments are; no generation of the catalog. */
  readonly generationId: string;
  /** Key that the source will have. */
  readonly objectKey: string;
  /** Multipart upload in which it grows. */
  readonly multipartId: string;
  readonly profile: ProfileJson;
  /**
   * Open while bytes arrive, closed when all are there: what is finished waits to be taken. Ending: all of it is to be deleted.
   */
  readonly state: 'open' | 'closed' | 'ending';
  /** Bytes of the source from the first one on. */
  readonly arrivedBytes: number;
  /** What it will have. 0: not known. */
  readonly sizeBytes: number;
  /** Bytes that were there when it was last looked at. */
  readonly lookedAtBytes: number;
  /** Looks that told nothing. */
  readonly looksInVain: number;
  /** Nothing can be begun of it, whatever arrives. */
  readonly isHopeless: boolean;
  /** Until then one process looks at it and all others keep away, milliseconds since 1970. */
  readonly lookingUntilMs: number;
  readonly early?: EarlyPlan;
  /** When it last changed. */
  readonly changedAt: string;
}

/** What the beginning of a source told. */
export interface EarlyPlan {
  readonly plan: MediaPlan;
  readonly chunkSeconds: number;
  /** Which bytes are needed when; absent where the beginning tells of itself alone: then the source will be longer than the plan. */
  readonly needs?: ArrivalNeeds;
  /** How much of the presentation can be encoded. */
  readonly readySeconds: number;
}

/** Looks that tell nothing, after which nobody looks again. */
const maxLooksInVain = 30;
/** With so much more than at the last look, another one is worth its while; sooner while nothing was told yet. */
const [lookAgainFactor, lookSoonFactor] = [1.4, 1.15];

/** Id of the early work on an upload. */
export const earlyJobId = (uploadId: string): string => idForRequest('job', `early:${uploadId}`);

/** Id of the job that makes the first generation of an upload, as the catalog and `startJob` name them. */
export const jobIdOfUpload = (uploadId: string): string =>
  `job_${idForRequest('gen', uploadId).slice('gen_'.length)}`;

/** The upload that a source came by. */
export const uploadIdOf = (objectKey: string): string => objectKey.split('/').at(-1) ?? '';

/** Early work of which nothing is known yet. */
export function newEarlyJob(arriving: SourceArriving, profile: ProfileJson): EarlyJob {
  const { uploadId, assetId, objectKey, multipartId, arrivedBytes, sizeBytes } = arriving;
  return {
    ...{ uploadId, assetId, objectKey, multipartId, profile },
    id: earlyJobId(uploadId),
    generationId: idForRequest('gen', `early:${uploadId}`),
    state: 'open',
    arrivedBytes: Number(arrivedBytes),
    sizeBytes: Number(sizeBytes),
    lookedAtBytes: 0,
    looksInVain: 0,
    isHopeless: false,
    lookingUntilMs: 0,
    changedAt: new Date().toISOString(),
  };
}

/** More of it is there. Undefined when that is no news. Another multipart upload brings other bytes: what was made of the former ends. */
export function arrived(job: EarlyJob, arriving: SourceArriving): EarlyJob | undefined {
  if (job.state !== 'open') return undefined;
  if (arriving.multipartId !== job.multipartId) return ending(job);
  const arrivedBytes = Number(arriving.arrivedBytes);
  if (arrivedBytes <= job.arrivedBytes) return undefined;
  const { early } = job;
  const next = { ...job, arrivedBytes, sizeBytes: Number(arriving.sizeBytes) || job.sizeBytes };
  return early?.needs
    ? { ...next, early: { ...early, readySeconds: readySeconds(early.needs, arrivedBytes) } }
    : next;
}

/** Somebody takes a look. Undefined when there is no need, or another process is at it. */
export function looking(job: EarlyJob, untilMs: number, now: Date): EarlyJob | undefined {
  const { state, isHopeless, early, arrivedBytes, lookedAtBytes, looksInVain } = job;
  if (state !== 'open' || isHopeless || early?.needs || looksInVain >= maxLooksInVain) return undefined;
  if (
    arrivedBytes < lookedAtBytes * (early ? lookAgainFactor : lookSoonFactor) ||
    arrivedBytes === lookedAtBytes
  )
    return undefined;
  if (job.lookingUntilMs > now.getTime()) return undefined;
  return { ...job, lookingUntilMs: untilMs };
}

/** A look is over. */
export function lookedAt(
  job: EarlyJob,
  { atBytes, ...found }: { atBytes: number; early?: EarlyPlan; isHopeless?: boolean },
): EarlyJob {
  const { early, isHopeless = false } = found;
  const looksInVain = early ? 0 : job.looksInVain + 1;
  const ready = early?.needs ? { readySeconds: readySeconds(early.needs, job.arrivedBytes) } : {};
  return {
    ...job,
    ...(early && { early: { ...early, ...ready } }),
    ...{ isHopeless, looksInVain, lookedAtBytes: atBytes, lookingUntilMs: 0 },
  };
}

/** The source is complete. Undefined when that is known. */
export function closed(job: EarlyJob): EarlyJob | undefined {
  return job.state === 'open' ? { ...job, state: 'closed' } : undefined;
}

/** All of it is to go. Undefined when that is known. */
export function ending(job: EarlyJob): EarlyJob | undefined {
  return job.state === 'ending' ? undefined : { ...job, state: 'ending' };
}

/** The early job as those see it who encode its chunks. */
export function asJob(job: EarlyJob): JobRecord {
  const { id, assetId, generationId, objectKey, multipartId, early } = job;
  const record = newJob({
    ...{ id, assetId, generationId },
    source: create(SourceSchema, { objectKey }),
    profile: fromJson(ProfileSchema, job.profile),
    now: new Date(),
  });
  const state = early && job.state !== 'ending' ? JobState.RUNNING : JobState.CANCELLED;
  return {
    ...record,
    job: { ...record.job, state },
    ...(early && { plan: early.plan, chunkSeconds: early.chunkSeconds }),
    growing: { objectKey, multipartId },
  };
}
