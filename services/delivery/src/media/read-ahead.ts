import { LRUCache } from 'lru-cache';
import type { MediaObjects } from './media-objects.ts';

/** Takes the next segment of who plays on into memory before it is asked for. */
export interface ReadAhead {
  /** A segment of the track at `prefix`, which has so many, was asked for. */
  taken(prefix: string, segment: number, segmentCount: number): void;
}

/** Segments that were asked for, to tell who plays on from who seeks. */
const remembered = 20_000;
const rememberedMs = 60_000;
const readsAtATime = 8;

/** Beginning of a track, or after the segment before: then the next is read, and the one after it when that one is used. */
export function createReadAhead(objects: Pick<MediaObjects, 'ahead'>): ReadAhead {
  const lately = new LRUCache<string, true>({ max: remembered, ttl: rememberedMs });
  let reads = 0;

  function read(prefix: string, segment: number, segmentCount: number): void {
    if (segment > segmentCount || reads >= readsAtATime) return;
    reads += 1;
    void objects
      .ahead(`${prefix}/${segment}.m4s`, () => read(prefix, segment + 1, segmentCount))
      .finally(() => {
        reads -= 1;
      });
  }

  return {
    taken(prefix, segment, segmentCount) {
      lately.set(`${prefix}/${segment}`, true);
      if (segment === 1 || lately.has(`${prefix}/${segment - 1}`)) read(prefix, segment + 1, segmentCount);
    },
  };
}
