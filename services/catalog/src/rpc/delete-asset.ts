import { deletionRequested } from '../domain/asset.ts';
import { assetDeletionRequested, assetUpdated } from '../events.ts';
import type { AssetStore } from '../store/assets.ts';

export async function deleteAsset(assets: Pick<AssetStore, 'changeAsset'>, assetId: string): Promise<void> {
  await assets.changeAsset(assetId, (record) => {
    const next = deletionRequested(record, new Date());
    return next && { record: next, events: [assetUpdated(next.asset), assetDeletionRequested(assetId)] };
  });
}
