import { KerkisError } from '@kerkis/errors';
import { type AacTrack, aacInit } from './aac-init.ts';
import { audioFrames } from './audio-frames.ts';
import { mediaSegment, syncSampleFlags } from './media-segment.ts';
import { opusInit } from './opus-init.ts';
import type { TrackPart } from './video-segments.ts';

/** What a run of audio segments must look like. */
export interface AudioTrackLayout extends AacTrack {
  /** `aac` by default. */
  readonly codec?: 'aac' | 'opus';
  readonly samplesPerFrame: number;
  /** Frames of the encoder before the first one that counts: priming and pre-roll. */
  readonly skippedFrames: number;
  /** First frame of segment `index` on the track's grid. */
  firstFrame(index: number): number;
  readonly firstSegment: number;
  readonly segmentCount: number;
}

/**
 * Turns the frames of an encoder (ADTS, or fragmented MP4 for Opus) into published segments. Frames that come after the last segment are dropped; too few of them are
 * KerkisError `internal` ENCODER_OUTPUT_UNEXPECTED.
 */
export async function* audioSegments(
  source: AsyncIterable<Uint8Array>,
  layout: AudioTrackLayout,
): AsyncGenerator<TrackPart> {
  const { codec = 'aac' } = layout;
  yield { kind: 'init', bytes: codec === 'opus' ? opusInit(layout) : aacInit(layout) };
  const endSegment = layout.firstSegment + layout.segmentCount;
  let toSkip = layout.skippedFrames;
  let index = layout.firstSegment;
  let frames: Buffer[] = [];
  for await (const frame of audioFrames(codec, source)) {
    if (toSkip-- > 0 || index === endSegment) continue;
    frames.push(frame);
    const wanted = layout.firstFrame(index + 1) - layout.firstFrame(index);
    if (frames.length < wanted) continue;
    yield segment(frames, layout, index);
    frames = [];
    index++;
  }
  if (index !== endSegment) {
    throw new KerkisError(
      'internal',
      'ENCODER_OUTPUT_UNEXPECTED',
      `The output of the encoder is wrong: it ends in audio segment ${index} and not after ${endSegment - 1}.`,
    );
  }
}

function segment(frames: readonly Buffer[], layout: AudioTrackLayout, index: number): TrackPart {
  const { samplesPerFrame } = layout;
  const decodeTime = layout.firstFrame(index) * samplesPerFrame;
  const samples = frames.map((frame) => ({
    sizeBytes: frame.length,
    flags: syncSampleFlags,
    compositionOffset: 0,
  }));
  const bytes = mediaSegment(
    { index, decodeTime, sampleDuration: samplesPerFrame },
    samples,
    Buffer.concat(frames),
  );
  return { kind: 'segment', index, durationTicks: frames.length * samplesPerFrame, bytes };
}
