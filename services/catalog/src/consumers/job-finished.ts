import { GenerationState } from '@kerkis/contracts/catalog';
import type { JobFinished } from '@kerkis/contracts/transcode/events';
import { generationRestarted } from '../domain/asset.ts';
import { completed, isOfFormerRun, lacksPlan, restarted } from '../domain/generation.ts';
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
  { assetId, generationId, tracks, hasPoster, artefacts, run }: JobFinished,
): Promise<void> {
  const { generations } = deps;
  const before = await unlessGone(generations.getGeneration(generationId));
  if (before?.state === GenerationState.FAILED) await askAgain(deps, assetId, generationId, run);
  const generation = await generations.changeGeneration(generationId, (current) => {
    if (isOfFormerRun(current, run)) return undefined;
    // Events of one job may overtake each other between consumers: the plan comes first.
    if (lacksPlan(current, run)) throw planMissing(generationId);
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
  run: number,
): Promise<void> {
  const asset = await unlessGone(assets.getAsset(assetId));
  const generation = await unlessGone(generations.getGeneration(generationId));
  if (!asset?.source || !generation) return;
  const request = generationRequested(asset.source, generation);
  const open = await generations.changeGeneration(
    generationId,
    (current) => restarted(current, run, new Date()),
    [request],
  );
  if (open?.state !== GenerationState.REQUESTED) return;
  await unlessGone(
    assets.changeAsset(assetId, (record) => {
      const next = generationRestarted(record, generationId, new Date());
      return next && { record: next, events: [assetUpdated(next.asset)] };
    }),
  );
}
