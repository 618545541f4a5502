import { AssetState, type Generation, GenerationState } from '@kerkis/contracts/catalog';
import type { Logger } from '@kerkis/telemetry';
import { unlessGone } from './consumers/unless-gone.ts';
import { deletionAskedAgain } from './domain/asset.ts';
import * as generation from './domain/generation.ts';
import { assetDeletionRequested, generationDeletionRequested, generationRequested } from './events.ts';
import { type SettleDependencies, settle } from './settle.ts';
import type { AssetStore } from './store/assets.ts';
import type { GenerationStore } from './store/generations.ts';

/** What the reconciler reads and writes. */
export interface ReconcileDependencies {
  readonly assets: Pick<AssetStore, 'findStale' | 'getAsset'> & SettleDependencies['assets'];
  readonly generations: Pick<
    GenerationStore,
    'findStale' | 'findUnsettled' | 'findSuperseded' | 'removeGeneration'
  > &
    SettleDependencies['generations'];
  readonly logger: Logger;
}

/** What is looked at. */
export interface ReconcileBefore {
  /** What did not change since then is asked for again. */
  readonly stale: Date;
  /** Generations in whose place another one plays since before then are to go. */
  readonly superseded: Date;
}

const batch = 200;
const { REQUESTED, PLANNED, DELETING } = GenerationState;

/**
 * Asks again for what is unfinished and has not moved for a while: generations without an end, complete ones that their asset does not
 * know of, deletions that were not confirmed. Events are only wake-ups, so a lost one costs no more than this delay. Begins to
 * delete what was superseded long ago. Returns how many were looked after.
 */
export async function reconcile(
  deps: ReconcileDependencies,
  before: ReconcileBefore,
  signal: AbortSignal,
): Promise<number> {
  const { assets, generations } = deps;
  const looked = async <T>(items: Promise<readonly T[]>, work: (item: T) => Promise<unknown>) =>
    await each(deps, await items, signal, work);
  let count = 0;
  count += await looked(generations.findStale([REQUESTED, PLANNED], before.stale, batch), (each) =>
    askAgain(deps, each),
  );
  count += await looked(generations.findUnsettled(before.stale, batch), ({ id }) => settle(deps, id));
  count += await looked(generations.findSuperseded(before.superseded, batch), (each) =>
    collect(deps, each, before.superseded),
  );
  count += await looked(generations.findStale([DELETING], before.stale, batch), (each) =>
    generations.changeGeneration(each.id, (current) => generation.deletionAskedAgain(current, new Date()), [
      generationDeletionRequested(each),
    ]),
  );
  count += await looked(assets.findStale(AssetState.DELETING, before.stale, batch), ({ asset: { id } }) =>
    unlessGone(
      assets.changeAsset(id, (record) => {
        const next = deletionAskedAgain(record, new Date());
        return next && { record: next, events: [assetDeletionRequested(id)] };
      }),
    ),
  );
  return count;
}

/** Players that began with it have ended: it is to go, unless it is the one that plays. */
async function collect({ assets, generations }: ReconcileDependencies, old: Generation, before: Date) {
  const asset = await unlessGone(assets.getAsset(old.assetId));
  if (!asset) return await generations.removeGeneration(old.id);
  if (asset.activeGenerationId === old.id) {
    return await generations.changeGeneration(old.id, (current) =>
      generation.playsAfterAll(current, new Date()),
    );
  }
  return await generations.changeGeneration(
    old.id,
    (current) => generation.collected(current, before, new Date()),
    [generationDeletionRequested(old)],
  );
}

async function askAgain({ assets, generations }: ReconcileDependencies, wanted: Generation) {
  const asset = await unlessGone(assets.getAsset(wanted.assetId));
  // Its asset went while it was being added.
  if (!asset) return await generations.removeGeneration(wanted.id);
  const isWanted = asset.source && asset.state !== AssetState.DELETING;
  // One that waits for something else is marked as looked after too, so that the next turn comes to others.
  return await generations.changeGeneration(
    wanted.id,
    (current) => generation.askedAgain(current, new Date()),
    isWanted ? [generationRequested(asset.source, wanted)] : [],
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
