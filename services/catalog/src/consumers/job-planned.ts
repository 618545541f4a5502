import { AssetState } from '@kerkis/contracts/catalog';
import type { JobPlanned } from '@kerkis/contracts/transcode/events';
import { KerkisError } from '@kerkis/errors';
import { type AssetRecord, generationPlanned, touched } from '../domain/asset.ts';
import { planned, restarted } from '../domain/generation.ts';
import { assetUpdated } from '../events.ts';
import type { AssetStore } from '../store/assets.ts';
import type { GenerationStore } from '../store/generations.ts';
import { unlessGone } from './unless-gone.ts';

/** What the consumer needs. */
export interface JobPlannedDependencies {
  readonly assets: Pick<AssetStore, 'changeAsset'>;
  readonly generations: Pick<GenerationStore, 'changeGeneration'>;
}

/** The plan is known: manifests can be written from here on. */
export async function onJobPlanned(
  { assets, generations }: JobPlannedDependencies,
  { assetId, generationId, jobId, grid, tracks, sourceInfo, run }: JobPlanned,
): Promise<void> {
  if (!grid) return;
  const generation = await generations.changeGeneration(generationId, (current) => {
    // The plan of a run of which nobody told that it began, or which the failure of the run before overtook.
    const open = run > 0 ? (restarted(current, run, new Date()) ?? current) : current;
    return planned(open, { jobId, grid, tracks, run }, new Date());
  });
  if (!generation) return;
  await unlessGone(
    assets.changeAsset(assetId, (record) => {
      // One that was planned before: manifests are others now.
      const replanned = (current: AssetRecord) =>
        run > 1 ? touched(current, generationId, new Date()) : undefined;
      // The generation is asked for before its asset has the source, so the plan may overtake that.
      if (!record.asset.source && record.asset.state === AssetState.CREATED) throw sourceMissing(assetId);
      const next = generationPlanned(record, generation, sourceInfo, new Date()) ?? replanned(record);
      return next && { record: next, events: [assetUpdated(next.asset)] };
    }),
  );
}

const sourceMissing = (assetId: string) =>
  new KerkisError('conflict', 'SOURCE_NOT_KNOWN_YET', 'The source of this asset has not arrived yet.', {
    details: { assetId },
  });
