import { GenerationState } from '@kerkis/contracts/catalog';
import type { JobRestarted } from '@kerkis/contracts/transcode/events';
import { generationRestarted } from '../domain/asset.ts';
import { restarted } from '../domain/generation.ts';
import { assetUpdated } from '../events.ts';
import type { AssetStore } from '../store/assets.ts';
import type { GenerationStore } from '../store/generations.ts';
import { unlessGone } from './unless-gone.ts';

/** What the consumer needs. */
export interface JobRestartedDependencies {
  readonly assets: Pick<AssetStore, 'changeAsset'>;
  readonly generations: Pick<GenerationStore, 'changeGeneration'>;
}

/** A failed job runs again: its generation and asset wait for the plan once more. */
export async function onJobRestarted(
  { assets, generations }: JobRestartedDependencies,
  { assetId, generationId, run }: JobRestarted,
): Promise<void> {
  const generation = await generations.changeGeneration(generationId, (current) =>
    restarted(current, run, new Date()),
  );
  if (generation?.state !== GenerationState.REQUESTED) return;
  await unlessGone(
    assets.changeAsset(assetId, (record) => {
      const next = generationRestarted(record, generationId, new Date());
      return next && { record: next, events: [assetUpdated(next.asset)] };
    }),
  );
}
