import { buffer } from 'node:stream/consumers';
import { KerkisError } from '@kerkis/errors';
import type { MediaPlan, SegmentedTrack } from '@kerkis/media';
import type { ObjectStore } from '@kerkis/objects';
import { type GenerationPlace, initKey, segmentKey } from '../../domain/segment-keys.ts';
import { trackRuns } from '../../domain/track-runs.ts';

/** What reading stored tracks needs. */
export interface StoredTrackDependencies {
  readonly plan: MediaPlan;
  readonly objects: Pick<ObjectStore, 'get' | 'getBytes'>;
  readonly place: GenerationPlace;
  readonly signal: AbortSignal;
}

const maxInitBytes = 1024 ** 2;
/** Twenty seconds at 100 Mbit/s. */
const maxSegmentBytes = 256 * 1024 ** 2;

/** A complete track of a generation, read from the object store segment by segment. */
export async function openStoredTrack(
  { plan, objects, place, signal }: StoredTrackDependencies,
  track: string,
): Promise<SegmentedTrack> {
  const cut = trackRuns(plan).get(track);
  if (!cut) throw new KerkisError('internal', 'TRACK_NOT_IN_PLAN', `The plan has no track ${track}.`);
  const init = await objects.getBytes(initKey(place, track), { maxBytes: maxInitBytes, signal });
  return {
    init,
    timescale: cut.timescale,
    segments: cut.runs,
    async readSegment(index, maxBytes) {
      const key = segmentKey(place, track, index + 1);
      if (maxBytes === undefined) return await objects.getBytes(key, { maxBytes: maxSegmentBytes, signal });
      const { body } = await objects.get(key, { range: { start: 0, end: maxBytes - 1 }, signal });
      return await buffer(body);
    },
  };
}
