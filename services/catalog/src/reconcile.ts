import { AssetState, type Generation } from '@kerkis/contracts/catalog';
import type { Logger } from '@kerkis/telemetry';
import { unlessGone } from './consumers/unless-gone.ts';
import { deletionAskedAgain } from './domain/asset.ts';
import { askedAgain } from './domain/generation.ts';
import { assetDeletionRequested, generationRequested } from './events.ts';
import type { AssetStore } from './store/assets.ts';
import type { GenerationStore } from './store/generations.ts';

/** What the reconciler reads and writes. */
export interface ReconcileDependencies {
  readonly assets: Pick<AssetStore, 'findStale' | 'getAsset' | 'changeAsset'>;
  readonly generations: Pick<GenerationStore, 'findStale' | 'changeGeneration' | 'removeGeneration'>;
  readonly logger: Logger;
}

const batch = 200;

/**
 * Asks again for what is unfinished and has not moved for a while: generations without an end, deletions that were not
 * confirmed. Events are only wake-ups, so a lost one costs no more than this delay. Returns how many were asked for again.
 */
export async function reconcile(
  deps: ReconcileDependencies,
  staleBefore: Date,
  signal: AbortSignal,
): Promise<number> {
  const generations = await deps.generations.findStale(staleBefore, batch);
  const asked = await each(deps, generations, signal, (generation) => askAgain(deps, generation));
  const deletions = await deps.assets.findStale(AssetState.DELETING, staleBefore, batch);
  const deleted = await each(deps, deletions, signal, ({ asset: { id } }) =>
    unlessGone(
      deps.assets.changeAsset(id, (record) => {
        const next = deletionAskedAgain(record, new Date());
        return next && { record: next, events: [assetDeletionRequested(id)] };
      }),
    ),
  );
  return asked + deleted;
}

async function askAgain({ assets, generations }: ReconcileDependencies, generation: Generation) {
  const asset = await unlessGone(assets.getAsset(generation.assetId));
  // Its asset went while it was being added.
  if (!asset) return await generations.removeGeneration(generation.id);
  const isWanted = asset.source && asset.state !== AssetState.DELETING;
  // One that waits for something else is marked as looked after too, so that the next turn comes to others.
  return await generations.changeGeneration(
    generation.id,
    (current) => askedAgain(current, new Date()),
    isWanted ? [generationRequested(asset.source, generation)] : [],
  );
}

/** One that fails must not hold up all others, at this turn and each next one. */
async function each<T>(
  { logger }: ReconcileDependencies,
  items: readonly T[],
  signal: AbortSignal,
  work: (item: T) => Promise<unknown>,
): Promise<number> {
  let done = 0;
  for (const item of items) {
    if (signal.aborted) break;
    try {
      await work(item);
      done++;
    } catch (err) {
      logger.warn({ err }, 'reconciler could not ask again for one of many');
    }
  }
  return done;
}
