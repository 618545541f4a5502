import { GenerationState } from '@kerkis/contracts/catalog';
import type { JobFinished } from '@kerkis/contracts/transcode/events';
import { KerkisError } from '@kerkis/errors';
import { generationCompleted } from '../domain/asset.ts';
import { completed } from '../domain/generation.ts';
import { assetUpdated } from '../events.ts';
import type { AssetStore } from '../store/assets.ts';
import type { GenerationStore } from '../store/generations.ts';
import { unlessGone } from './unless-gone.ts';

/** What the consumer needs. */
export interface JobFinishedDependencies {
  readonly assets: Pick<AssetStore, 'changeAsset'>;
  readonly generations: Pick<GenerationStore, 'changeGeneration'>;
}

/** A generation is complete: from this write on it is the one that plays. */
export async function onJobFinished(
  { assets, generations }: JobFinishedDependencies,
  { assetId, generationId, tracks, hasPoster }: JobFinished,
): Promise<void> {
  const generation = await generations.changeGeneration(generationId, (current) => {
    // Events of one job may overtake each other between consumers: the plan comes first.
    if (current.state === GenerationState.REQUESTED) throw planMissing(generationId);
    return completed(current, { tracks, hasPoster }, new Date());
  });
  if (generation?.state !== GenerationState.COMPLETE) return;
  await unlessGone(
    assets.changeAsset(assetId, (record) => {
      const next = generationCompleted(record, generation, new Date());
      return next && { record: next, events: [assetUpdated(next.asset)] };
    }),
  );
}

const planMissing = (generationId: string) =>
  new KerkisError('conflict', 'PLAN_NOT_KNOWN_YET', 'The plan of this generation has not arrived yet.', {
    details: { generationId },
  });
