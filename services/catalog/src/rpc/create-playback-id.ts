import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type CreatePlaybackIdRequest,
  type CreatePlaybackIdResponseSchema,
  Encryption,
  PlaybackIdSchema,
  PlaybackPolicy,
} from '@kerkis/contracts/catalog';
import { KerkisError } from '@kerkis/errors';
import { newId } from '@kerkis/ids';
import { withPlaybackIds } from '../domain/asset.ts';
import { assetUpdated } from '../events.ts';
import type { AssetStore } from '../store/assets.ts';

const maxPlaybackIds = 32;

export async function createPlaybackId(
  assets: Pick<AssetStore, 'changeAsset'>,
  request: CreatePlaybackIdRequest,
): Promise<MessageInitShape<typeof CreatePlaybackIdResponseSchema>> {
  const policy = request.policy === PlaybackPolicy.UNSPECIFIED ? PlaybackPolicy.PUBLIC : request.policy;
  const encryption = request.encryption || Encryption.NONE;
  const playbackId = create(PlaybackIdSchema, { id: newId('pbk'), policy, encryption });
  await assets.changeAsset(request.assetId, (record) => {
    const { playbackIds } = record.asset;
    if (playbackIds.length >= maxPlaybackIds) {
      throw new KerkisError(
        'precondition',
        'TOO_MANY_PLAYBACK_IDS',
        `An asset has at most ${maxPlaybackIds} playback IDs: delete one first.`,
      );
    }
    const next = withPlaybackIds(record, [...playbackIds, playbackId], new Date());
    return { record: next, events: [assetUpdated(next.asset)] };
  });
  return { playbackId };
}
