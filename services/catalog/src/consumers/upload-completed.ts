import { AssetState } from '@kerkis/contracts/catalog';
import type { UploadCompleted } from '@kerkis/contracts/upload/events';
import { idForRequest } from '@kerkis/ids';
import { sourceArrived, sourceHashed } from '../domain/asset.ts';
import { newGeneration } from '../domain/generation.ts';
import { assetUpdated, generationRequested } from '../events.ts';
import type { AssetStore } from '../store/assets.ts';
import type { GenerationStore } from '../store/generations.ts';
import type { ProfileStore } from '../store/profiles.ts';
import { unlessGone } from './unless-gone.ts';

/** What the consumer needs. */
export interface UploadCompletedDependencies {
  readonly assets: Pick<AssetStore, 'getAsset' | 'changeAsset'>;
  readonly generations: Pick<GenerationStore, 'addGeneration' | 'removeGeneration'>;
  readonly profiles: Pick<ProfileStore, 'getProfile'>;
  readonly defaultProfile: string;
}

/**
 * The source is here: the first generation is asked for, then the asset moves on. Told again, maybe with the SHA-256 that was not
 * known at first: nothing is made a second time.
 */
export async function onUploadCompleted(
  { assets, generations, profiles, defaultProfile }: UploadCompletedDependencies,
  { assetId, uploadId, source }: UploadCompleted,
): Promise<void> {
  const asset = await unlessGone(assets.getAsset(assetId));
  if (!asset || !source || asset.state === AssetState.DELETING) return;
  if (asset.state !== AssetState.CREATED) {
    await unlessGone(
      assets.changeAsset(assetId, (record) => {
        const next = sourceHashed(record, source, new Date());
        return next && { record: next, events: [assetUpdated(next.asset)] };
      }),
    );
    return;
  }
  // A profile that was deleted in the meantime must not strand the upload.
  const profile =
    (await unlessGone(profiles.getProfile(asset.profile))) ?? (await profiles.getProfile(defaultProfile));
  const generation = newGeneration(idForRequest('gen', uploadId), assetId, profile, new Date());
  await generations.addGeneration(generation, [generationRequested(source, generation)]);
  const changed = await unlessGone(
    assets.changeAsset(assetId, (record) => {
      const next = sourceArrived(record, source, new Date());
      return next && { record: next, events: [assetUpdated(next.asset)] };
    }),
  );
  if (!changed) await generations.removeGeneration(generation.id);
}
