import { create } from '@bufbuild/protobuf';
import { type Failure, FailureSchema } from '@kerkis/contracts/media';
import { type HardwareEncoder, hardwareEncoderOf, type MediaPlan, type VideoRung } from '@kerkis/media';
import type { JobRecord } from './job.ts';
import { videoTrackName } from './tracks.ts';

/** The encoder in hardware of a rung. Plans of earlier versions name no encoder. */
const encoderOf = (rung: VideoRung) => hardwareEncoderOf({ ...rung, encoder: rung.encoder ?? 'software' });

/** Encoders in hardware that a worker must have to make these tracks. */
export function encodersFor({ ladder }: MediaPlan, tracks: readonly string[]): HardwareEncoder[] {
  const rungs = ladder.video.filter((rung) => tracks.includes(videoTrackName(rung)));
  return [...new Set(rungs.flatMap((rung) => encoderOf(rung) ?? []))];
}

/** Encoders in hardware that a job cannot do without: those of tracks that are not complete. */
export function encodersToCome({ plan, tracks }: Pick<JobRecord, 'plan' | 'tracks'>): HardwareEncoder[] {
  if (!plan) return [];
  const open = tracks.filter(({ complete }) => !complete).map(({ name }) => name);
  return encodersFor(plan, open);
}

/** Whether any track of a plan takes hardware. */
export function usesHardware({ ladder }: MediaPlan): boolean {
  return ladder.video.some((rung) => encoderOf(rung) !== undefined);
}

/** Rungs of one decode: those of one codec and one encoder, so that a chunk never needs two kinds of hardware. */
export function laneOf(rung: VideoRung): string {
  return encoderOf(rung) ?? rung.codec;
}

/** Why a job is made in software from its beginning on. */
export const hardwareGone = (encoders: readonly string[]): Failure =>
  create(FailureSchema, {
    reason: 'HARDWARE_GONE',
    message: `No worker has ${encoders.join(' and ')} any more, with which the job was planned: it is made again in software.`,
    details: { encoders: encoders.join(',') },
  });
