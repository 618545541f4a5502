import { KerkisError } from '@kerkis/errors';
import type { HdrMetadata } from '../probe/source-info.ts';
import { boxesIn } from './box.ts';
import { defaultMaxBoxBytes, splitBoxes } from './box-splitter.ts';
import { videoCodecsOf, withPlannedLevel } from './codec-config.ts';
import { playsAs } from './codec-match.ts';
import { publishInit } from './init-segment.ts';
import { isSync, mediaSegment, readFragment } from './media-segment.ts';

/** What comes out of an encoder, one by one: first the init segment, then each media segment when it is complete. */
export type TrackPart =
  | { readonly kind: 'init'; readonly bytes: Buffer }
  | {
      readonly kind: 'segment';
      /** Counts from zero over the whole track. */
      readonly index: number;
      /** Exact length in ticks. */
      readonly durationTicks: number;
      readonly bytes: Buffer;
    };

/** What a run of video segments must look like. */
export interface VideoTrackLayout {
  /** RFC 6381 name that the plan announced. */
  readonly codecs: string;
  /** Whether the encoder may write other flags beside the same profile, and a lower level: hardware has its own mind. */
  readonly isHardware?: boolean;
  /** Of HDR that is kept. */
  readonly hdrMetadata?: HdrMetadata | undefined;
  /** Ticks per frame of this track. */
  readonly ticksPerFrame: number;
  /** How many frames decoding may be ahead of presentation. */
  readonly reorderDepth: number;
  /** First frame of segment `index` on this track; for the end, the first one after the run. */
  firstFrame(index: number): number;
  readonly firstSegment: number;
  readonly segmentCount: number;
}

/**
 * Turns the fragmented MP4 of an encoder into published segments: `tfdt` and `mfhd` are exact whatever the encoder
 * wrote. A fragment that is not exactly one segment of the grid, starts without a sync sample or has another codec than
 * the plan says is KerkisError `internal` ENCODER_OUTPUT_UNEXPECTED; broken boxes are BOX_INVALID.
 */
export async function* videoSegments(
  source: AsyncIterable<Uint8Array>,
  layout: VideoTrackLayout,
  maxBoxBytes = defaultMaxBoxBytes,
): AsyncGenerator<TrackPart> {
  let ftyp: Buffer | undefined;
  let moof: Buffer | undefined;
  let index = layout.firstSegment;
  for await (const part of splitBoxes(source, maxBoxBytes)) {
    if (part.type === 'ftyp') ftyp = part.bytes;
    else if (part.type === 'moov') yield init(ftyp, part.bytes, layout);
    else if (part.type === 'moof') moof = part.bytes;
    else if (part.type === 'mdat') {
      if (moof === undefined) throw unexpected('samples come without a fragment');
      yield segment(moof, part.content, layout, index);
      moof = undefined;
      index++;
    }
  }
  if (index !== layout.firstSegment + layout.segmentCount) {
    throw unexpected(`it has ${index - layout.firstSegment} segments and not ${layout.segmentCount}`);
  }
}

function init(ftyp: Buffer | undefined, written: Buffer, layout: VideoTrackLayout): TrackPart {
  if (ftyp === undefined) throw unexpected('it has no file type');
  const moov = withPlannedLevel(written, layout.codecs);
  const codecs = videoCodecsOf(moov);
  const isPlanned = layout.isHardware ? playsAs(codecs, layout.codecs) : codecs === layout.codecs;
  if (!isPlanned) throw unexpected(`its codec is ${codecs} and not ${layout.codecs}`);
  boxesIn(ftyp);
  const reorderTicks = layout.reorderDepth * layout.ticksPerFrame;
  return { kind: 'init', bytes: publishInit(ftyp, moov, reorderTicks, layout.hdrMetadata) };
}

function segment(moof: Buffer, data: Buffer, layout: VideoTrackLayout, index: number): TrackPart {
  const { samples, durations } = readFragment(moof);
  const frames = layout.firstFrame(index + 1) - layout.firstFrame(index);
  if (index >= layout.firstSegment + layout.segmentCount)
    throw unexpected('it has more segments than asked for');
  if (samples.length !== frames)
    throw unexpected(`segment ${index} has ${samples.length} frames and not ${frames}`);
  const [first] = samples;
  if (first === undefined || !isSync(first))
    throw unexpected(`segment ${index} does not start with a sync sample`);
  if (durations.some((duration, at) => duration !== layout.ticksPerFrame && at < frames - 1)) {
    throw unexpected(`segment ${index} has frames of unequal length`);
  }
  const total = samples.reduce((sum, sample) => sum + sample.sizeBytes, 0);
  if (total !== data.length) throw unexpected(`the samples of segment ${index} are not as long as its data`);
  // The encoder counts composition from the sync sample, so that reordered frames are negative; the edit list of the
  // init segment takes the depth off again.
  const base = layout.reorderDepth * layout.ticksPerFrame - first.compositionOffset;
  const shifted = samples.map((sample) => ({
    ...sample,
    compositionOffset: sample.compositionOffset + base,
  }));
  if (shifted.some((sample) => sample.compositionOffset < 0))
    throw unexpected('frames are reordered too far');
  const decodeTime = layout.firstFrame(index) * layout.ticksPerFrame;
  const bytes = mediaSegment({ index, decodeTime, sampleDuration: layout.ticksPerFrame }, shifted, data);
  return { kind: 'segment', index, durationTicks: frames * layout.ticksPerFrame, bytes };
}

function unexpected(what: string): KerkisError {
  return new KerkisError(
    'internal',
    'ENCODER_OUTPUT_UNEXPECTED',
    `The output of the encoder is wrong: ${what}.`,
  );
}
