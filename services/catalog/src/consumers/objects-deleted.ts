import { AssetState } from '@kerkis/contracts/catalog';
import { type StoringService, serviceDeleted } from '../domain/asset.ts';
import { assetDeleted } from '../events.ts';
import type { AssetStore } from '../store/assets.ts';
import type { GenerationStore } from '../store/generations.ts';
import { unlessGone } from './unless-gone.ts';

/** What the consumers of SourceDeleted and MediaDeleted need. */
export interface ObjectsDeletedDependencies {
  readonly assets: Pick<AssetStore, 'changeAsset' | 'removeAsset'>;
  readonly generations: Pick<GenerationStore, 'removeGenerations'>;
}

/** One service has deleted what it stored for an asset; after the last one the asset is gone. */
export async function onObjectsDeleted(
  { assets, generations }: ObjectsDeletedDependencies,
  service: StoringService,
  assetId: string,
): Promise<void> {
  const record = await unlessGone(
    assets.changeAsset(assetId, (current) => {
      const next = serviceDeleted(current, service, new Date());
      return next && { record: next, events: [] };
    }),
  );
  if (!record || record.asset.state !== AssetState.DELETING || record.awaitingDeletion.length > 0) return;
  await generations.removeGenerations(assetId);
  await assets.removeAsset(record.asset, [assetDeleted(assetId)]);
}
