import { KerkisError } from '@kerkis/errors';
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

/** Stores the parts of one chunk under their final keys. `assertHeld` throws when nothing must be written any more. */
export function segmentWriter(
  objects: Pick<ObjectStore, 'put' | 'getBytes'>,
  record: Pick<ChunkRecord, 'assetId' | 'generationId'>,
  assertHeld: () => void,
): SegmentWriter {
  const measures = new Map<string, TrackMeasure>();
  const inFlight = new Set<Promise<void>>();
  let failure: unknown;

  async function store(track: string, timescale: number, part: EncodedPart): Promise<void> {
    assertHeld();
    if (part.kind === 'init') return await storeInit(objects, initKey(record, track), part.bytes);
    await objects.put(segmentKey(record, track, part.index + 1), part.bytes, {
      sizeBytes: part.bytes.length,
    });
    measures.set(track, added(measures.get(track), part.bytes.length, part.durationTicks / timescale));
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

function added(measure: TrackMeasure | undefined, sizeBytes: number, seconds: number): TrackMeasure {
  return {
    segmentCount: (measure?.segmentCount ?? 0) + 1,
    sizeBytes: (measure?.sizeBytes ?? 0) + sizeBytes,
    peakBandwidthBps: Math.max(measure?.peakBandwidthBps ?? 0, (sizeBytes * 8) / seconds),
  };
}

const maxInitBytes = 64 * 1024;

/** All chunks of a track share one init segment: the first one stores it, each other must have made the very same bytes. */
async function storeInit(
  objects: Pick<ObjectStore, 'put' | 'getBytes'>,
  key: string,
  bytes: Buffer,
): Promise<void> {
  try {
    await objects.put(key, bytes, { sizeBytes: bytes.length, ifAbsent: true });
  } catch (error) {
    if (!(error instanceof KerkisError) || error.kind !== 'already_exists') throw error;
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
