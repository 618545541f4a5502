import type { MessageInitShape } from '@bufbuild/protobuf';
import type { CreateGenerationRequest, CreateGenerationResponseSchema } from '@kerkis/contracts/catalog';
import { AssetState } from '@kerkis/contracts/catalog';
import { KerkisError } from '@kerkis/errors';
import { idForRequest } from '@kerkis/ids';
import { newGeneration } from '../domain/generation.ts';
import { generationRequested } from '../events.ts';
import type { AssetStore } from '../store/assets.ts';
import type { GenerationStore } from '../store/generations.ts';
import type { ProfileStore } from '../store/profiles.ts';

/** What CreateGeneration needs. */
export interface CreateGenerationDependencies {
  readonly assets: Pick<AssetStore, 'getAsset'>;
  readonly generations: Pick<GenerationStore, 'addGeneration'>;
  readonly profiles: Pick<ProfileStore, 'getProfile'>;
}

export async function createGeneration(
  { assets, generations, profiles }: CreateGenerationDependencies,
  request: CreateGenerationRequest,
): Promise<MessageInitShape<typeof CreateGenerationResponseSchema>> {
  const asset = await assets.getAsset(request.assetId);
  if (!asset.source || asset.state === AssetState.DELETING) {
    throw new KerkisError(
      'precondition',
      'ASSET_HAS_NO_SOURCE',
      'The asset has no source to encode: its upload is not complete, or it is being deleted.',
      { details: { assetId: asset.id, state: AssetState[asset.state] } },
    );
  }
  const profile = await profiles.getProfile(request.profile || asset.profile);
  const requestId = request.requestId && `${asset.id}:${request.requestId}`;
  const generation = newGeneration(idForRequest('gen', requestId), asset.id, profile, new Date());
  const events = [generationRequested(asset.source, generation)];
  return { generation: await generations.addGeneration(generation, events) };
}
