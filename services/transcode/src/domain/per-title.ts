import { create } from '@bufbuild/protobuf';
import { LadderMode } from '@kerkis/contracts/media';
import {
  ChunkClass,
  ChunkState,
  JobState,
  LadderChange,
  type LadderNote,
  LadderNoteSchema,
} from '@kerkis/contracts/transcode';
import type { FitReason, MediaPlan, VideoRung } from '@kerkis/media';
import type { ChunkRecord } from './chunk.ts';
import { encodingProfile } from './encoding-profile.ts';
import type { JobRecord } from './job.ts';
import { lowestRung, type PlannedChunk, planChunks } from './plan-chunks.ts';
import { type PlannedSideWork, sideWorkOf } from './side-work.ts';
import { plannedTracks, videoTrackName } from './tracks.ts';

/** What of a job its ladder hangs on. */
type Titled = Pick<JobRecord, 'plan' | 'profile' | 'ladderOutcome' | 'copyOf'>;

/** Whether upper rungs wait for a look at the content. */
export function awaitsLook({ plan, profile, ladderOutcome }: Titled): boolean {
  if (!plan || ladderOutcome !== undefined || profile.ladderMode !== LadderMode.PER_TITLE) return false;
  const alike = Map.groupBy(plan.ladder.video, ({ codec, videoRange }) => `${codec} ${videoRange}`);
  return [...alike.values()].some((rungs) => rungs.length > 1);
}

/** Tracks that a look at the content may still change or leave out. */
export function undecidedTracks(record: Titled): Set<string> {
  return new Set(record.plan && awaitsLook(record) ? upperTracks(record.plan) : []);
}

function upperTracks({ ladder }: MediaPlan): string[] {
  const lowest = lowestRung(ladder.video);
  return ladder.video.filter((rung) => rung !== lowest).map(videoTrackName);
}

/** The chunks of segments that a job has by now: those of upper rungs come after the look, and what copies has none. */
export function chunksNow(record: Titled & Pick<JobRecord, 'chunkSeconds'>): PlannedChunk[] {
  if (!record.plan || record.copyOf) return [];
  const chunks = planChunks(record.plan, record.chunkSeconds);
  return awaitsLook(record) ? chunks.filter(({ isUpper }) => !isUpper) : chunks;
}

/** The side work that a job has by now: the look, and until then nothing that is made of tracks which may never be. */
export function sideWorkNow(record: Titled): PlannedSideWork[] {
  if (!record.plan) return [];
  if (record.copyOf) return [{ work: { kind: 'copy', name: '', needs: [] }, class: ChunkClass.HEAD }];
  const all = sideWorkOf(record.plan, encodingProfile(record.profile));
  if (!awaitsLook(record)) return all;
  const undecided = undecidedTracks(record);
  const look = { work: { kind: 'look', name: '', needs: [] }, class: ChunkClass.HEAD } as const;
  return [look, ...all.filter(({ work }) => !work.needs.some((track) => undecided.has(track)))];
}

const ended: readonly ChunkState[] = [ChunkState.FINISHED, ChunkState.DEAD, ChunkState.CANCELLED];

/**
 * The ladder is decided, once: as the look says, or as planned when that died. Undefined when there is nothing to decide, or the look
 * has not ended. The lowest rung, which is being made, stays what it is.
 */
export function ladderDecided(record: JobRecord, look: ChunkRecord | undefined): JobRecord | undefined {
  const { job, plan } = record;
  if (job.state !== JobState.RUNNING || !plan || !awaitsLook(record)) return undefined;
  if (!look || !ended.includes(look.chunk.state)) return undefined;
  const seen = look.sideResult?.kind === 'look' ? look.sideResult : undefined;
  if (!seen) return { ...record, ladderOutcome: 'unseen', job: { ...job, ladderNotes: [unseen(look)] } };
  const lowest = lowestRung(plan.ladder.video);
  const fitted = new Map(seen.video.map((rung) => [rung.name, rung]));
  const keep = (rung: VideoRung) => (rung === lowest ? rung : fitted.get(rung.name));
  const video = plan.ladder.video.map(keep).filter((rung) => rung !== undefined);
  const notes = seen.reasons.filter(({ rung }) => rung !== lowest?.name).map(noteOf);
  const next = { ...plan, ladder: { ...plan.ladder, video } };
  return { ...withPlan(record, next, notes), ladderOutcome: 'fitted' };
}

/** Tracks of upper rungs are as the new plan has them, or gone; of all others nothing changes. */
function withPlan(record: JobRecord, plan: MediaPlan, notes: LadderNote[]): JobRecord {
  const { job, chunkSeconds } = record;
  const upper = new Set(record.plan ? upperTracks(record.plan) : []);
  const replanned = new Map(plannedTracks(plan).map((track) => [track.name, track]));
  const isThere = (name: string) => !upper.has(name) || replanned.has(name);
  return {
    ...record,
    plan,
    tracks: record.tracks.flatMap((track) =>
      upper.has(track.name) ? (replanned.get(track.name) ?? []) : track,
    ),
    revision: record.revision + 1,
    job: {
      ...job,
      ladderNotes: notes,
      chunkCount: planChunks(plan, chunkSeconds).length,
      tracks: job.tracks.filter(({ track }) => isThere(track)),
    },
  };
}

const changes: Readonly<Record<FitReason['change'], LadderChange>> = {
  dropped: LadderChange.DROPPED,
  quality: LadderChange.QUALITY,
  bitrate: LadderChange.BITRATE,
};

const noteOf = ({ rung, change, reason }: FitReason): LadderNote =>
  create(LadderNoteSchema, { track: videoTrackName({ name: rung }), change: changes[change], reason });

const unseen = ({ chunk: { failure } }: ChunkRecord): LadderNote =>
  create(LadderNoteSchema, {
    reason: `The ladder is as planned: nobody could look at the content (${failure?.reason || 'CANCELLED'}).`,
  });
