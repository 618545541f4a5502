import type { MessageInitShape } from '@bufbuild/protobuf';
import { AssetState, type LookUpPlaybackIdResponseSchema } from '@kerkis/contracts/catalog';
import { KerkisError } from '@kerkis/errors';
import type { AssetStore } from '../store/assets.ts';
import type { GenerationStore } from '../store/generations.ts';

/** What LookUpPlaybackId needs. */
export interface LookUpPlaybackIdDependencies {
  readonly assets: Pick<AssetStore, 'findByPlaybackId'>;
  readonly generations: Pick<GenerationStore, 'getGeneration'>;
}

export async function lookUpPlaybackId(
  { assets, generations }: LookUpPlaybackIdDependencies,
  id: string,
): Promise<MessageInitShape<typeof LookUpPlaybackIdResponseSchema>> {
  const asset = await assets.findByPlaybackId(id);
  const playbackId = asset?.playbackIds.find((each) => each.id === id);
  if (!asset || !playbackId || asset.state === AssetState.DELETING) {
    throw new KerkisError('not_found', 'PLAYBACK_ID_NOT_FOUND', 'There is no such playback ID.', {
      details: { playbackId: id },
    });
  }
  if (!asset.activeGenerationId) return { playbackId, asset };
  return { playbackId, asset, generation: await generations.getGeneration(asset.activeGenerationId) };
}
