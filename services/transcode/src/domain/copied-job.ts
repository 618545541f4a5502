import { isDeepStrictEqual } from 'node:util';
import { fromJson, toJson } from '@bufbuild/protobuf';
import { ArtefactsSchema, type Track, TrackKind, TrackSchema } from '@kerkis/contracts/media';
import { JobState } from '@kerkis/contracts/transcode';
import { type MediaPlan, spriteCount } from '@kerkis/media';
import type { Donor } from './donor.ts';
import { finished, type JobRecord } from './job.ts';
import {
  downloadPath,
  iframesPath,
  initPath,
  posterPath,
  segmentPath,
  spritePath,
  textPath,
  waveformPath,
} from './segment-keys.ts';
import { segmentCountOf } from './track-runs.ts';

/** Whether a finished job made what this plan says: all of it, or what a look at the same content has left of it. */
export function hasMade(donor: JobRecord, plan: MediaPlan): boolean {
  if (donor.job.state !== JobState.FINISHED || !donor.plan || donor.ladderOutcome === 'unseen') return false;
  if (donor.ladderOutcome === undefined) return isDeepStrictEqual(asStored(donor.plan), asStored(plan));
  const names = new Set(plan.ladder.video.map(({ name }) => name));
  return (
    isDeepStrictEqual(asStored(withoutVideo(donor.plan)), asStored(withoutVideo(plan))) &&
    donor.plan.ladder.video.every(({ name }) => names.has(name))
  );
}

const asStored = (plan: MediaPlan): unknown => JSON.parse(JSON.stringify(plan));
const withoutVideo = (plan: MediaPlan): MediaPlan => ({ ...plan, ladder: { ...plan.ladder, video: [] } });

/** A job that was planned like the donor takes over what that one has made. */
export function copying(record: JobRecord, donor: JobRecord): JobRecord {
  const { id: jobId, assetId, generationId, ladderNotes } = donor.job;
  return {
    ...record,
    ...(donor.ladderOutcome && { ladderOutcome: donor.ladderOutcome }),
    job: { ...record.job, ladderNotes, chunkCount: 0 },
    copyOf: {
      jobId,
      assetId,
      generationId,
      tracks: donor.tracks.map((track) => toJson(TrackSchema, track)),
      artefacts: toJson(ArtefactsSchema, donor.artefacts),
    },
  };
}

/** Everything is copied: RUNNING → FINISHED, with all that the donor knows. Undefined when it copies nothing, or does not run. */
export function copied(record: JobRecord, now: Date): JobRecord | undefined {
  const { job, copyOf } = record;
  if (!copyOf) return undefined;
  const done = job.tracks.map((track) => ({
    ...track,
    finishedSegmentCount: track.segmentCount,
    progress: 1,
  }));
  const tracks = donorTracks(copyOf);
  return finished(
    { ...record, tracks, job: { ...job, tracks: done } },
    fromJson(ArtefactsSchema, copyOf.artefacts),
    now,
  );
}

/** Files of tracks and all else that is told of, below the generation: when one of them is missing, the donor is being deleted. */
export function donorPaths(donor: Donor): string[] {
  const { poster, waveform, storyboard, downloads, iframes } = fromJson(ArtefactsSchema, donor.artefacts);
  const sprites = storyboard ? spriteCount({ ...storyboard, intervalMs: Number(storyboard.intervalMs) }) : 0;
  return [
    ...trackPaths(donor),
    ...(poster ? [posterPath] : []),
    ...(waveform ? [waveformPath] : []),
    ...(iframes ? [iframesPath(iframes.track)] : []),
    ...Array.from({ length: sprites }, (_, i) => spritePath(i + 1)),
    ...downloads.map(({ name }) => downloadPath(name)),
  ];
}

function trackPaths(donor: Donor): string[] {
  return donorTracks(donor).flatMap(({ name, kind, segments }) => {
    if (kind === TrackKind.TEXT) return textPath(name);
    const numbers = Array.from({ length: segmentCountOf(segments) }, (_, i) => i + 1);
    return [initPath(name), ...numbers.map((segment) => segmentPath(name, segment))];
  });
}

const donorTracks = ({ tracks }: Donor): Track[] => tracks.map((track) => fromJson(TrackSchema, track));
