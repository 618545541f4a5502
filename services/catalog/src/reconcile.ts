import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { AssetState } from '@kerkis/contracts/catalog';
import { unlessGone } from './consumers/unless-gone.ts';
import { assetDeletionRequested, generationRequested } from './events.ts';
import type { AssetStore } from './store/assets.ts';
import type { GenerationStore } from './store/generations.ts';

/** What the reconciler reads and writes. */
export interface ReconcileDependencies {
  readonly assets: Pick<AssetStore, 'findStale' | 'getAsset' | 'changeAsset'>;
  readonly generations: Pick<GenerationStore, 'findStale' | 'changeGeneration'>;
}

const batch = 200;

/**
 * Asks again for what is unfinished and has not moved for a while: generations without an end, deletions that were not
 * confirmed. Events are only wake-ups, so a lost one costs no more than this delay. Returns how many were asked for again.
 */
export async function reconcile(
  { assets, generations }: ReconcileDependencies,
  staleBefore: Date,
): Promise<number> {
  let count = 0;
  for (const generation of await generations.findStale(staleBefore, batch)) {
    const asset = await unlessGone(assets.getAsset(generation.assetId));
    if (!asset?.source || asset.state === AssetState.DELETING) continue;
    const again = generationRequested(asset.source, generation);
    const asked = timestampFromDate(new Date());
    await generations.changeGeneration(generation.id, (now) => ({ ...now, updateTime: asked }), [again]);
    count++;
  }
  for (const { asset } of await assets.findStale(AssetState.DELETING, staleBefore, batch)) {
    await unlessGone(
      assets.changeAsset(asset.id, (record) => ({ record, events: [assetDeletionRequested(asset.id)] })),
    );
    count++;
  }
  return count;
}
