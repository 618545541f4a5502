import { isKerkisError, KerkisError } from '@kerkis/errors';
import type { EncodedPart } from '@kerkis/media';
import type { ObjectStore } from '@kerkis/objects';
import type { ChunkRecord, TrackMeasure } from '../domain/chunk.ts';
import { initKey, segmentKey } from '../domain/segment-keys.ts';

/** Takes the parts of a chunk and stores each as soon as it is there. */
export interface SegmentWriter {
  /** Stores one part of a track. Resolves when there is room for the next one; rejects when an earlier one failed. */
  write(track: string, timescale: number, part: EncodedPart): Promise<void>;
  /** Waits until everything is stored. Returns what was made, by track. */
  finish(): Promise<Record<string, TrackMeasure>>;
  /** Resolves when nothing is on its way to the store any more, well or not. */
  settled(): Promise<void>;
  /** Segments stored so far, by track. */
  stored(): Record<string, number>;
}

/** So many segments are on their way to the store at a time, while ffmpeg goes on. */
const maxInFlight = 4;

/** What storing segments needs. */
export interface StoreSegmentsDependencies {
  readonly objects: Pick<ObjectStore, 'put' | 'getBytes' | 'head'>;
  /** Called when a segment is there, the init segment as number 0. */
  readonly onStored: (
    record: Pick<ChunkRecord, 'assetId' | 'generationId'>,
    track: string,
    segment: number,
  ) => void;
}

/** Under which conditions segments are stored. */
export interface WriteConditions {
  /** Throws when nothing must be written any more. */
  readonly assertHeld: () => void;
  /** Length of most segments. */
  readonly usualSeconds: number;
}

/**
 * Stores the parts of one chunk under their final keys. Whoever stores a segment first wins, so that what a viewer once got never
 * changes; what is measured is what is stored.
 */
export function segmentWriter(
  { objects, onStored }: StoreSegmentsDependencies,
  record: Pick<ChunkRecord, 'assetId' | 'generationId'>,
  { assertHeld, usualSeconds }: WriteConditions,
): SegmentWriter {
  const measures = new Map<string, TrackMeasure>();
  const inFlight = new Set<Promise<void>>();
  let failure: unknown;

  async function store(track: string, timescale: number, part: EncodedPart): Promise<void> {
    assertHeld();
    if (part.kind === 'init') {
      await storeInit(objects, initKey(record, track), part.bytes);
      return onStored(record, track, 0);
    }
    const segment = part.index + 1;
    const sizeBytes = await putFirst(objects, segmentKey(record, track, segment), part.bytes);
    measures.set(track, added(measures.get(track), sizeBytes, part.durationTicks / timescale, usualSeconds));
    onStored(record, track, segment);
  }

  return {
    async write(track, timescale, part) {
      if (failure) throw failure;
      const storing = store(track, timescale, part)
        .catch((error: unknown) => {
          failure ??= error;
        })
        .finally(() => inFlight.delete(storing));
      inFlight.add(storing);
      if (inFlight.size >= maxInFlight) await Promise.race(inFlight);
      if (failure) throw failure;
    },
    async finish() {
      await Promise.all(inFlight);
      if (failure) throw failure;
      return Object.fromEntries(measures);
    },
    async settled() {
      await Promise.all(inFlight);
    },
    stored: () => Object.fromEntries([...measures].map(([track, { segmentCount }]) => [track, segmentCount])),
  };
}

/** A peak is that of at least half a usual segment (RFC 8216bis): what is shorter says nothing about it. */
function added(
  measure: TrackMeasure | undefined,
  sizeBytes: number,
  seconds: number,
  usual: number,
): TrackMeasure {
  const peak = seconds < usual / 2 ? 0 : (sizeBytes * 8) / seconds;
  return {
    segmentCount: (measure?.segmentCount ?? 0) + 1,
    sizeBytes: (measure?.sizeBytes ?? 0) + sizeBytes,
    peakBandwidthBps: Math.max(measure?.peakBandwidthBps ?? 0, peak),
  };
}

/** Stores the object unless there is one already. Returns the size of what is stored. */
async function putFirst(
  objects: StoreSegmentsDependencies['objects'],
  key: string,
  bytes: Buffer,
): Promise<number> {
  try {
    await objects.put(key, bytes, { sizeBytes: bytes.length, ifAbsent: true });
  } catch (error) {
    if (!isKerkisError(error) || error.kind !== 'already_exists') throw error;
    return (await objects.head(key))?.sizeBytes ?? bytes.length;
  }
  return bytes.length;
}

const maxInitBytes = 64 * 1024;

/** All chunks of a track share one init segment: the first one stores it, each other must have made the very same bytes. */
async function storeInit(
  objects: StoreSegmentsDependencies['objects'],
  key: string,
  bytes: Buffer,
): Promise<void> {
  try {
    await objects.put(key, bytes, { sizeBytes: bytes.length, ifAbsent: true });
  } catch (error) {
    if (!isKerkisError(error) || error.kind !== 'already_exists') throw error;
    const stored = await objects.getBytes(key, { maxBytes: maxInitBytes });
    if (Buffer.compare(stored, bytes) === 0) return;
    throw new KerkisError(
      'internal',
      'INIT_SEGMENT_DIFFERS',
      'This chunk was encoded with another init segment than the rest of its track. Do all workers run the same ffmpeg?',
      { cause: error },
    );
  }
}
