import { GenerationState } from '@kerkis/contracts/catalog';
import type { JobFinished } from '@kerkis/contracts/transcode/events';
import { generationRestarted } from '../domain/asset.ts';
import { completed, restarted } from '../domain/generation.ts';
import { assetUpdated, generationRequested } from '../events.ts';
import { type SettleDependencies, settle } from '../settle.ts';
import type { AssetStore } from '../store/assets.ts';
import type { GenerationStore } from '../store/generations.ts';
import { planMissing } from './plan-missing.ts';
import { unlessGone } from './unless-gone.ts';

/** What the consumer needs. */
export interface JobFinishedDependencies {
  readonly assets: Pick<AssetStore, 'getAsset'> & SettleDependencies['assets'];
  readonly generations: Pick<GenerationStore, 'changeGeneration'> & SettleDependencies['generations'];
}

/** A generation is complete: it plays, and the one that played before is superseded. */
export async function onJobFinished(
  deps: JobFinishedDependencies,
  { assetId, generationId, tracks, hasPoster, artefacts }: JobFinished,
): Promise<void> {
  const { generations } = deps;
  const before = await unlessGone(generations.getGeneration(generationId));
  if (before?.state === GenerationState.FAILED) await askAgain(deps, assetId, generationId);
  const generation = await generations.changeGeneration(generationId, (current) => {
    // Events of one job may overtake each other between consumers: the plan comes first.
    if (current.state === GenerationState.REQUESTED) throw planMissing(generationId);
    return completed(current, { tracks, hasPoster, ...(artefacts && { artefacts }) }, new Date());
  });
  if (generation?.state === GenerationState.COMPLETE) await settle(deps, generationId);
}

/**
 * The job ran again and nobody told, since the event is lost, e.g. with a wiped NATS; a finished job stays finished. The plan
 * that it was finished by is asked for.
 */
async function askAgain(
  { assets, generations }: JobFinishedDependencies,
  assetId: string,
  generationId: string,
): Promise<void> {
  const asset = await unlessGone(assets.getAsset(assetId));
  const generation = await unlessGone(generations.getGeneration(generationId));
  if (!asset?.source || !generation) return;
  const request = generationRequested(asset.source, generation);
  await generations.changeGeneration(generationId, (current) => restarted(current, new Date()), [request]);
  await unlessGone(
    assets.changeAsset(assetId, (record) => {
      const next = generationRestarted(record, new Date());
      return next && { record: next, events: [assetUpdated(next.asset)] };
    }),
  );
}
