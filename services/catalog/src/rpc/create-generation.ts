import { type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type { CreateGenerationRequest, CreateGenerationResponseSchema } from '@kerkis/contracts/catalog';
import { type Asset, AssetState, type Generation, GenerationState } from '@kerkis/contracts/catalog';
import { type Profile, ProfileSchema } from '@kerkis/contracts/media';
import { KerkisError } from '@kerkis/errors';
import { idForRequest } from '@kerkis/ids';
import { unlessGone } from '../consumers/unless-gone.ts';
import { content, makesTheSame, newGeneration, requestedAgain } from '../domain/generation.ts';
import { generationRequested } from '../events.ts';
import { type SettleDependencies, settle } from '../settle.ts';
import type { AssetStore } from '../store/assets.ts';
import type { GenerationStore } from '../store/generations.ts';
import type { ProfileStore } from '../store/profiles.ts';

/** What CreateGeneration needs. */
export interface CreateGenerationDependencies {
  readonly assets: Pick<AssetStore, 'getAsset'> & SettleDependencies['assets'];
  readonly generations: Pick<GenerationStore, 'addGeneration'> & SettleDependencies['generations'];
  readonly profiles: Pick<ProfileStore, 'getProfile'>;
}

/** The source of an asset never changes, so one that was made of it with an equal profile is the answer, and plays again. */
export async function createGeneration(
  deps: CreateGenerationDependencies,
  request: CreateGenerationRequest,
): Promise<MessageInitShape<typeof CreateGenerationResponseSchema>> {
  const { assets, generations, profiles } = deps;
  const asset = await assets.getAsset(request.assetId);
  if (!asset.source || asset.state === AssetState.DELETING) throw noSource(asset);
  const profile = await profiles.getProfile(request.profile || asset.profile);
  const requested =
    request.requestId === '' ? undefined : idForRequest('gen', `${asset.id}:${request.requestId}`);
  const known = requested && (await unlessGone(generations.getGeneration(requested)));
  if (known) return { generation: known };

  const equal = await askForEqual(deps, asset.id, profile);
  if (equal) return { generation: equal };
  const id = requested ?? (await nextId(generations, asset.id, profile));
  const generation = newGeneration(id, asset.id, profile, new Date());
  const events = [generationRequested(asset.source, generation)];
  return { generation: await generations.addGeneration(generation, events) };
}

async function askForEqual(
  deps: CreateGenerationDependencies,
  assetId: string,
  profile: Profile,
): Promise<Generation | undefined> {
  const { generations } = deps;
  for await (const each of generations.generationsOf(assetId)) {
    if (!each.profile || !makesTheSame(each.profile, profile)) continue;
    if (!requestedAgain(each, new Date())) continue;
    const again = await generations.changeGeneration(each.id, (current) =>
      requestedAgain(current, new Date()),
    );
    if (!again || !requestedAgain(again, new Date())) continue;
    if (again.state === GenerationState.COMPLETE) await settle(deps, again.id);
    return await generations.getGeneration(again.id);
  }
  return undefined;
}

/** Two callers who ask for the same at a time get one generation. */
async function nextId(
  generations: Pick<GenerationStore, 'generationsOf'>,
  assetId: string,
  profile: Profile,
): Promise<string> {
  const made = Buffer.from(toBinary(ProfileSchema, content(profile))).toString('base64');
  for await (const { id } of generations.generationsOf(assetId)) {
    return idForRequest('gen', `${assetId}:${id}:${made}`);
  }
  return idForRequest('gen', `${assetId}::${made}`);
}

function noSource({ id, state }: Asset): KerkisError {
  return new KerkisError(
    'precondition',
    'ASSET_HAS_NO_SOURCE',
    'The asset has no source to encode: its upload is not complete, or it is being deleted.',
    { details: { assetId: id, state: AssetState[state] } },
  );
}
