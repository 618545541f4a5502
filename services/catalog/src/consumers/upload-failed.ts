import type { UploadFailed } from '@kerkis/contracts/upload/events';
import { sourceFailed } from '../domain/asset.ts';
import { assetUpdated } from '../events.ts';
import type { AssetStore } from '../store/assets.ts';
import { unlessGone } from './unless-gone.ts';

/** The upload ended without a source: so does its asset. */
export async function onUploadFailed(
  assets: Pick<AssetStore, 'changeAsset'>,
  { assetId, failure }: UploadFailed,
): Promise<void> {
  if (!failure) return;
  await unlessGone(
    assets.changeAsset(assetId, (record) => {
      const next = sourceFailed(record, failure, new Date());
      return next && { record: next, events: [assetUpdated(next.asset)] };
    }),
  );
}
