import { GenerationState } from '@kerkis/contracts/catalog';
import type { JobFailed } from '@kerkis/contracts/transcode/events';
import { generationFailed } from '../domain/asset.ts';
import { failed, isOfFormerRun } from '../domain/generation.ts';
import { assetUpdated } from '../events.ts';
import type { AssetStore } from '../store/assets.ts';
import type { GenerationStore } from '../store/generations.ts';
import { unlessGone } from './unless-gone.ts';

/** What the consumer needs. */
export interface JobFailedDependencies {
  readonly assets: Pick<AssetStore, 'changeAsset'>;
  readonly generations: Pick<GenerationStore, 'changeGeneration' | 'hasOpenGeneration'>;
}

/** A generation will not be complete; the asset fails with it unless another one plays, or may come to play. */
export async function onJobFailed(
  { assets, generations }: JobFailedDependencies,
  { assetId, generationId, failure, run }: JobFailed,
): Promise<void> {
  if (!failure) return;
  const generation = await generations.changeGeneration(generationId, (current) =>
    failed(current, { failure, run }, new Date()),
  );
  // One that is complete by now, or made anew, is not touched by an old failure that comes again or late.
  if (generation?.state !== GenerationState.FAILED || isOfFormerRun(generation, run)) return;
  const isAnotherOpen = await generations.hasOpenGeneration(assetId);
  await unlessGone(
    assets.changeAsset(assetId, (record) => {
      const next = generationFailed(record, generation, { failure, isAnotherOpen }, new Date());
      return next && { record: next, events: [assetUpdated(next.asset)] };
    }),
  );
}
