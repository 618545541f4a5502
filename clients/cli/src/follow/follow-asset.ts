import { type Asset, AssetState } from '@kerkis/contracts/catalog';
import { KerkisError } from '@kerkis/errors';
import type { Clients } from '../client.ts';
import { isNotFound, recordedFailure } from '../failure.ts';
import { type Following, following } from './following.ts';

/** The asset now and after each change, until it is gone. */
export async function* followAsset(
  { assets }: Pick<Clients, 'assets'>,
  assetId: string,
  how: Following = {},
): AsyncGenerator<Asset, void> {
  const { signal } = how;
  let last: Asset | undefined;
  const open = () => assets.watchAsset({ assetId }, signal && { signal });
  try {
    for await (const { asset } of following(open, how)) {
      if (asset === undefined || asset.etag === last?.etag) continue;
      last = asset;
      yield asset;
    }
  } catch (error) {
    // It went away while the connection was lost.
    if (last !== undefined && isNotFound(error)) return;
    throw error;
  }
}

/** How far an asset must be. */
export type AwaitedState = AssetState.SOURCE_READY | AssetState.PLAYABLE | AssetState.READY;

/** Resolves with the asset once it is that far. Throws the recorded reason when it fails, ASSET_DELETED when it is deleted. */
export async function awaitAsset(
  clients: Pick<Clients, 'assets'>,
  assetId: string,
  awaited: AwaitedState,
  onChange: (asset: Asset) => void,
  signal: AbortSignal,
): Promise<Asset> {
  for await (const asset of followAsset(clients, assetId, { signal, isReached: true })) {
    onChange(asset);
    if (asset.state === AssetState.FAILED) throw recordedFailure(asset.failure);
    if (asset.state === AssetState.DELETING) break;
    if (asset.state >= awaited) return asset;
  }
  throw new KerkisError('not_found', 'ASSET_DELETED', `Somebody deleted the asset ${assetId}.`);
}
