import { GenerationState } from '@kerkis/contracts/catalog';
import type { TracksRevised } from '@kerkis/contracts/transcode/events';
import { touched } from '../domain/asset.ts';
import { isOfFormerRun, lacksPlan, tracksRevised } from '../domain/generation.ts';
import { assetUpdated } from '../events.ts';
import type { AssetStore } from '../store/assets.ts';
import type { GenerationStore } from '../store/generations.ts';
import { planMissing } from './plan-missing.ts';
import { unlessGone } from './unless-gone.ts';

/** What the consumer needs. */
export interface TracksRevisedDependencies {
  readonly assets: Pick<AssetStore, 'changeAsset'>;
  readonly generations: Pick<GenerationStore, 'changeGeneration'>;
}

/** Manifests may show other tracks from here on, and edges learn so from the asset's update. */
export async function onTracksRevised(
  { assets, generations }: TracksRevisedDependencies,
  { assetId, generationId, tracks, revision, run }: TracksRevised,
): Promise<void> {
  const generation = await generations.changeGeneration(generationId, (current) => {
    if (isOfFormerRun(current, run)) return undefined;
    if (lacksPlan(current, run)) throw planMissing(generationId);
    return tracksRevised(current, { tracks, revision }, new Date());
  });
  if (generation?.state !== GenerationState.PLANNED || generation.tracksRevision !== revision) return;
  await unlessGone(
    assets.changeAsset(assetId, (record) => {
      const next = touched(record, generationId, new Date());
      return next && { record: next, events: [assetUpdated(next.asset)] };
    }),
  );
}
