import { KerkisError } from '@kerkis/errors';
import { withPlaybackIds } from '../domain/asset.ts';
import { assetUpdated } from '../events.ts';
import type { AssetStore } from '../store/assets.ts';

export async function deletePlaybackId(
  assets: Pick<AssetStore, 'changeAsset' | 'findByPlaybackId'>,
  playbackId: string,
): Promise<void> {
  const asset = await assets.findByPlaybackId(playbackId);
  if (!asset) {
    throw new KerkisError('not_found', 'PLAYBACK_ID_NOT_FOUND', 'There is no such playback ID.', {
      details: { playbackId },
    });
  }
  await assets.changeAsset(asset.id, (record) => {
    const rest = record.asset.playbackIds.filter(({ id }) => id !== playbackId);
    if (rest.length === record.asset.playbackIds.length) return undefined;
    const next = withPlaybackIds(record, rest, new Date());
    return { record: next, events: [assetUpdated(next.asset)] };
  });
}
