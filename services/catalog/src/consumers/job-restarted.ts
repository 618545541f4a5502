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
  { assetId, generationId }: JobRestarted,
): Promise<void> {
  if (!(await generations.changeGeneration(generationId, (current) => restarted(current, new Date()))))
    return;
  await unlessGone(
    assets.changeAsset(assetId, (record) => {
      const next = generationRestarted(record, new Date());
      return next && { record: next, events: [assetUpdated(next.asset)] };
    }),
  );
}
