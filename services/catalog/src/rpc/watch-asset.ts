import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Asset, WatchAssetResponseSchema } from '@kerkis/contracts/catalog';
import { isKerkisError } from '@kerkis/errors';
import type { AssetStore } from '../store/assets.ts';

/** What WatchAsset needs. */
export interface WatchAssetDependencies {
  readonly assets: Pick<AssetStore, 'getAsset'>;
  /** Resolves when the asset may have changed: a hint from the events, or some seconds went by. */
  readonly nextChange: (assetId: string, signal: AbortSignal) => Promise<void>;
}

export async function* watchAsset(
  { assets, nextChange }: WatchAssetDependencies,
  assetId: string,
  signal: AbortSignal,
): AsyncGenerator<MessageInitShape<typeof WatchAssetResponseSchema>> {
  let last: Asset | undefined;
  while (!signal.aborted) {
    // Listening starts before reading, so that no change falls between the two.
    const change = nextChange(assetId, signal);
    const asset = await assets.getAsset(assetId).catch((error: unknown) => {
      if (last && isKerkisError(error) && error.kind === 'not_found') return undefined;
      throw error;
    });
    if (!asset) return;
    if (asset.etag !== last?.etag) yield { asset };
    last = asset;
    await change;
  }
}
