import type { Failure } from '@kerkis/contracts/media';
import { JobState } from '@kerkis/contracts/transcode';
import { type KerkisError, toKerkisError } from '@kerkis/errors';
import {
  type EncodingProfile,
  type LoudnessRequest,
  type MeasuredLoudness,
  type MediaPlan,
  planMedia,
  type probeSource,
  type SourceInfo,
  type SourceParts,
} from '@kerkis/media';
import { copying, hasMade } from '../domain/copied-job.ts';
import { encodingProfile } from '../domain/encoding-profile.ts';
import { failureOf } from '../domain/failure.ts';
import { beingPlanned, type JobRecord, planFailed, planned } from '../domain/job.ts';
import { planChunks } from '../domain/plan-chunks.ts';
import { jobPlanned, tracksRevised } from '../events.ts';
import type { SourceFiles } from '../source-files.ts';
import type { JobStore } from '../store/jobs.ts';
import { normaliseSound } from './normalise-sound.ts';

/** How a source is probed. */
export interface ProbeRun {
  readonly signal: AbortSignal;
  readonly parts: SourceParts | undefined;
}

/** What planning needs. */
export interface PlanJobDependencies {
  readonly jobs: Pick<JobStore, 'findJob' | 'changeJob' | 'finishedWith'>;
  readonly sources: SourceFiles;
  readonly probe: (path: string, run: ProbeRun) => ReturnType<typeof probeSource>;
  readonly refuse: (source: SourceInfo) => void;
  /** Measures a stream of the source for profiles that want a certain loudness. */
  readonly measureLoudness: (
    path: string,
    source: SourceInfo,
    request: LoudnessRequest,
    signal: AbortSignal,
  ) => Promise<MeasuredLoudness>;
  readonly chunkSeconds: number;
  /** Encoders in hardware that the plan of a profile may count on. */
  readonly hardwareFor: (profile: EncodingProfile, signal: AbortSignal) => Promise<readonly string[]>;
  /** Whether the media of a finished job is copied that had an equal source and profile. */
  readonly reuse: boolean;
  /** Failures of planning after which the job fails. */
  readonly maxAttempts: number;
  /** How often a job that is being planned shows a sign of life, milliseconds. */
  readonly touchMs: number;
  /** Adds the chunks of a job that runs from now on, and fills the queue with the first ones. */
  readonly giveOut: (record: JobRecord) => Promise<void>;
  /** Fails the job for good. */
  readonly endJob: (jobId: string, failure: Failure) => Promise<unknown>;
}

/** Probes the source of a PENDING job, plans its chunks and lets it run; or fails it, with the reason. */
export async function planJob(deps: PlanJobDependencies, jobId: string, signal: AbortSignal): Promise<void> {
  const record = await deps.jobs.findJob(jobId);
  if (record?.job.state !== JobState.PENDING || record.needsCleanUp) return;
  let running: JobRecord | undefined;
  try {
    running = await letRun(deps, record, await makePlan(deps, record, signal));
  } catch (error) {
    return await settleFailure(deps, record, toKerkisError(error));
  }
  if (running) await deps.giveOut(running);
}

/** Which chunks there are follows from the record, so whoever finds the job without them can add them. */
async function letRun(
  { jobs, chunkSeconds, reuse }: PlanJobDependencies,
  { job, run, workKey, withoutCopy }: JobRecord,
  plan: MediaPlan,
): Promise<JobRecord | undefined> {
  const chunkCount = planChunks(plan, chunkSeconds).length;
  const made = reuse && !withoutCopy ? await jobs.finishedWith(workKey) : [];
  const donor = made.find((each) => each.job.id !== job.id && hasMade(each, plan));
  return await jobs.changeJob(job.id, (current) => {
    if (current.run !== run) return undefined;
    const next = planned(current, donor?.plan ?? plan, { chunkSeconds, chunkCount }, new Date());
    const record = next && donor ? copying(next, donor) : next;
    return record && { record, events: plannedEvents(record) };
  });
}

/** Who knows an earlier plan hears of it as a revision. */
const plannedEvents = (record: JobRecord) =>
  record.revision > 0 ? [jobPlanned(record), tracksRevised(record)] : [jobPlanned(record)];

async function makePlan(
  { jobs, sources, probe, refuse, measureLoudness, touchMs, hardwareFor }: PlanJobDependencies,
  record: JobRecord,
  stopping: AbortSignal,
): Promise<MediaPlan> {
  const unwanted = new AbortController();
  const signal = AbortSignal.any([stopping, unwanted.signal]);
  const beat = setInterval(() => {
    const touched = jobs.changeJob(record.job.id, (current) => {
      const next = current.run === record.run ? beingPlanned(current, new Date()) : undefined;
      return next && { record: next };
    });
    // It was cancelled, or somebody else has planned it. Without the touch another process plans it too, and one of the two plans is dropped.
    touched.then(
      (current) => current ?? unwanted.abort(),
      () => {},
    );
  }, touchMs);
  try {
    await using file = await sources.openPart(record.source.objectKey, signal);
    const source = await probe(file.path, { signal, parts: file.parts });
    refuse(source);
    const profile = encodingProfile(record.profile);
    const hardware = record.withoutHardware ? [] : await hardwareFor(profile, signal);
    const plan = planMedia(source, profile, { hardware });
    if (!profile.loudness) return plan;
    await file.fetchAll();
    // All chunks of a track have the same gain, so it is known before the first one: such a job is planned later by one pass of its sound.
    return await normaliseSound(plan, profile.loudness, (request) =>
      measureLoudness(file.path, source, request, signal),
    );
  } finally {
    clearInterval(beat);
  }
}

/** What may go better the next time is thrown for the redelivery of the event; the source's own fault fails the job. */
async function settleFailure(
  { jobs, maxAttempts, endJob }: PlanJobDependencies,
  { job, run }: JobRecord,
  error: KerkisError,
): Promise<void> {
  if (isPassing(error)) throw error;
  if (error.mapping.retryable) {
    const counted = await jobs.changeJob(job.id, (current) => {
      const next = current.run === run ? planFailed(current, new Date()) : undefined;
      return next && { record: next };
    });
    if (!counted || counted.planFailures < maxAttempts) throw error;
  }
  await endJob(job.id, failureOf(error));
}

/** Somebody else is away, or this process stops: that says nothing about the source. */
function isPassing({ kind }: KerkisError): boolean {
  return kind === 'unavailable' || kind === 'cancelled' || kind === 'conflict';
}
