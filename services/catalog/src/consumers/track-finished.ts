import type { TrackFinished } from '@kerkis/contracts/transcode/events';
import { touched } from '../domain/asset.ts';
import { isOfFormerRun, isOfLaterRun, trackFinished } from '../domain/generation.ts';
import { assetUpdated } from '../events.ts';
import type { AssetStore } from '../store/assets.ts';
import type { GenerationStore } from '../store/generations.ts';
import { unlessGone } from './unless-gone.ts';

/** What the consumer needs. */
export interface TrackFinishedDependencies {
  readonly assets: Pick<AssetStore, 'changeAsset'>;
  readonly generations: Pick<GenerationStore, 'changeGeneration'>;
}

/** A track is complete: manifests may offer it, and edges learn so from the asset's update. */
export async function onTrackFinished(
  { assets, generations }: TrackFinishedDependencies,
  { assetId, generationId, track, run }: TrackFinished,
): Promise<void> {
  if (!track) return;
  const generation = await generations.changeGeneration(generationId, (current) =>
    // Of a later run, the plan has not arrived: the end of the job tells of the track again.
    isOfFormerRun(current, run) || isOfLaterRun(current, run)
      ? undefined
      : trackFinished(current, track, new Date()),
  );
  if (!generation) return;
  await unlessGone(
    assets.changeAsset(assetId, (record) => {
      const next = touched(record, generationId, new Date());
      return next && { record: next, events: [assetUpdated(next.asset)] };
    }),
  );
}
