import { type FileHandle, open } from 'node:fs/promises';
import { KerkisError } from '@kerkis/errors';
import { mediaSegment, nonSyncSampleFlags, type Sample, syncSampleFlags } from '../cmaf/media-segment.ts';
import type { EncodedPart, EncodeOptions } from '../encode/encode-unit.ts';
import { type RemuxUnit, unitRemuxRung } from '../encode/unit.ts';
import type { MediaPlan } from '../plan/media-plan.ts';
import { startsWithIdr } from './avc-config.ts';
import { avcInit } from './avc-init.ts';
import type { RemuxRung } from './plan-remux.ts';
import { readSamples } from './read-samples.ts';
import { createRemuxSources, type RemuxSource } from './remux-sources.ts';

/**
 * Makes segments of the remuxed rung from byte ranges of the source: the init segment, then each segment in order.
 *
 * Throws KerkisError `invalid` UNIT_INVALID, `not_found` SOURCE_MISSING, or `cancelled` CANCELLED.
 */
export async function* remuxUnit(
  plan: MediaPlan,
  unit: RemuxUnit,
  { sourcePath, signal, remuxSources = createRemuxSources(1) }: EncodeOptions,
): AsyncGenerator<EncodedPart> {
  const rung = unitRemuxRung(plan, unit);
  const source = await remuxSources.open(sourcePath, rung.trackId);
  yield { rung: rung.name, kind: 'init', bytes: avcInit(rung, source.entry) };
  await using file = await open(sourcePath, 'r');
  for (const segment of segmentsOf(rung, unit)) {
    if (signal?.aborted) throw new KerkisError('cancelled', 'CANCELLED', 'The encoding was cancelled.');
    yield {
      rung: rung.name,
      kind: 'segment',
      index: segment.index,
      durationTicks: segment.end - segment.start,
      bytes: await makeSegment(file, source, rung, segment),
    };
  }
}

/** A segment of the track: presentation times in ticks. */
interface Segment {
  readonly index: number;
  readonly start: number;
  readonly end: number;
  readonly isLast: boolean;
}

function* segmentsOf({ segments }: RemuxRung, { firstSegment, segmentCount }: RemuxUnit): Generator<Segment> {
  const total = segments.reduce((sum, { count }) => sum + count, 0);
  let index = 0;
  let start = 0;
  for (const { count, duration } of segments) {
    for (const next = index + count; index < next; index++, start += duration) {
      if (index >= firstSegment && index < firstSegment + segmentCount)
        yield { index, start, end: start + duration, isLast: index === total - 1 };
    }
  }
}

async function makeSegment(
  file: FileHandle,
  source: RemuxSource,
  rung: RemuxRung,
  segment: Segment,
): Promise<Buffer> {
  const first = segment.index === 0 ? 0 : syncSampleAt(source, rung.startTicks + segment.start);
  const end = segment.isLast ? source.times.length : syncSampleAt(source, rung.startTicks + segment.end);
  const data = await readSamples(file, source, first, end);
  const found = startsWithIdr(data, source.lengthBytes);
  if (!('isIdr' in found) || !found.isIdr) throw changed();
  const samples = layOut(source, rung, segment, first, end);
  const [sampleDuration = 0] = samples.map(({ duration }) => duration ?? 0);
  return mediaSegment({ index: segment.index, decodeTime: segment.start, sampleDuration }, samples, data);
}

/**
 * Samples in decode order, each decoded when one is presented: the n-th at the n-th presentation time. So decoding times grow
 * steadily whatever those of the source were, and each duration is that of a picture. The first picture of the track stands from the
 * start of the presentation on, the last one until its end.
 */
function layOut(
  { times, sync, sizes }: RemuxSource,
  { startTicks, reorderTicks }: RemuxRung,
  { index, start, end: segmentEnd }: Segment,
  first: number,
  end: number,
): Sample[] {
  const shown = times.slice(first, end);
  if (index === 0) shown[0] = startTicks;
  const decoded = shown.slice().sort();
  if (decoded[0] !== startTicks + start) throw changed();
  return Array.from(decoded, (time, at) => ({
    sizeBytes: sizes[first + at] as number,
    flags: sync[first + at] === 1 ? syncSampleFlags : nonSyncSampleFlags,
    compositionOffset: (shown[at] as number) - time + reorderTicks,
    duration: (decoded[at + 1] ?? startTicks + segmentEnd) - time,
  }));
}

/** The sync sample that is presented at a source time. Throws KerkisError UNIT_INVALID when there is none. */
function syncSampleAt({ gops, times }: RemuxSource, ticks: number): number {
  let low = 0;
  let high = gops.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[gops[middle] as number] as number) < ticks) low = middle + 1;
    else high = middle;
  }
  const sample = gops[low];
  if (sample === undefined || times[sample] !== ticks) throw changed();
  return sample;
}

function changed(): KerkisError {
  return new KerkisError('invalid', 'UNIT_INVALID', 'The source is not the one that the plan was made for.');
}
