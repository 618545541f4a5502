import type { EncodeUnit, MediaPlan } from '@kerkis/media';
import { audioTrackName, videoTrackName } from './tracks.ts';

/** Segments of some tracks. */
export interface SegmentsOfTracks {
  readonly tracks: readonly string[];
  /** Counted from 1. */
  readonly firstSegment: number;
  readonly segmentCount: number;
}

/** What is to be made of a chunk: all its encoded video rungs in one run of ffmpeg, each audio track in one. */
export function unitsOf(
  { ladder }: MediaPlan,
  { tracks, firstSegment, segmentCount }: SegmentsOfTracks,
): EncodeUnit[] {
  const range = { firstSegment: firstSegment - 1, segmentCount };
  const ofVideo = <T extends { readonly name: string }>(all: readonly T[]) =>
    all.filter((rung) => tracks.includes(videoTrackName(rung))).map(({ name }) => name);
  const remuxed = ofVideo(ladder.remux ? [ladder.remux] : []);
  const encoded = ofVideo(ladder.video);
  const audio = ladder.audio.filter((rung) => tracks.includes(audioTrackName(rung)));
  return [
    ...remuxed.map((rung): EncodeUnit => ({ kind: 'remux', rung, ...range })),
    ...(encoded.length > 0 ? [{ kind: 'video', rungs: encoded, ...range } as const] : []),
    ...audio.map(({ name }): EncodeUnit => ({ kind: 'audio', rung: name, ...range })),
  ];
}
