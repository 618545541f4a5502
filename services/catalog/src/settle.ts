import { AssetState, GenerationState } from '@kerkis/contracts/catalog';
import { unlessGone } from './consumers/unless-gone.ts';
import { generationCompleted } from './domain/asset.ts';
import { superseded } from './domain/generation.ts';
import { assetUpdated } from './events.ts';
import type { AssetStore } from './store/assets.ts';
import type { GenerationStore } from './store/generations.ts';

/** What settling reads and writes. */
export interface SettleDependencies {
  readonly assets: Pick<AssetStore, 'changeAsset'>;
  readonly generations: Pick<
    GenerationStore,
    'getGeneration' | 'generationsOf' | 'changeGeneration' | 'markSettled'
  >;
}

/**
 * Lets the asset of a complete generation play the one that was asked for last, in one write, and marks the others as superseded. Each
 * step finds out whether it is done, and a generation stays unsettled until all are.
 */
export async function settle(
  { assets, generations }: SettleDependencies,
  generationId: string,
): Promise<void> {
  const generation = await unlessGone(generations.getGeneration(generationId));
  if (generation?.state !== GenerationState.COMPLETE) return;
  const record = await unlessGone(
    assets.changeAsset(generation.assetId, (current) => {
      const next = generationCompleted(current, generation, new Date());
      return next && { record: next, events: [assetUpdated(next.asset)] };
    }),
  );
  // The generation is asked for before its asset has the source, so the end of a short job may overtake that.
  if (record?.asset.state === AssetState.CREATED) return;
  if (record?.asset.state === AssetState.READY) {
    for await (const { id, state } of generations.generationsOf(generation.assetId)) {
      if (state !== GenerationState.COMPLETE || id === record.asset.activeGenerationId) continue;
      await generations.changeGeneration(id, (current) => superseded(current, new Date()));
    }
  }
  await generations.markSettled(generation);
}
