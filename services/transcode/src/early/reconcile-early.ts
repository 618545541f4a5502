import { type Client, Code, ConnectError } from '@connectrpc/connect';
import { type AssetService, AssetState } from '@kerkis/contracts/catalog';
import type { Logger } from '@kerkis/telemetry';
import { hasEnded } from '../domain/job.ts';
import type { JobStore } from '../store/jobs.ts';
import { type EarlyJob, jobIdOfUpload } from './early-job.ts';
import type { EarlyStore } from './early-store.ts';
import { closeEarly, type EndEarlyDependencies, endEarly } from './end-early.ts';
import { type GiveOutEarlyDependencies, giveOutEarly } from './give-out-early.ts';

/** What looking after early work needs. */
export interface ReconcileEarlyDependencies extends GiveOutEarlyDependencies, EndEarlyDependencies {
  readonly early: EarlyStore;
  readonly chunks: GiveOutEarlyDependencies['chunks'] & EndEarlyDependencies['chunks'];
  readonly objects: GiveOutEarlyDependencies['objects'] & EndEarlyDependencies['objects'];
  readonly jobs: Pick<JobStore, 'findJob'>;
  readonly assets: Pick<Client<typeof AssetService>, 'getAsset'>;
  readonly logger: Logger;
  /** After so long without a change the catalog is asked whether its asset still waits for it, milliseconds. */
  readonly askMs: number;
}

const batch = 200;

/** Goes on with all early work, and deletes that of which nothing will be taken any more. Returns how much that was. */
export async function reconcileEarly(deps: ReconcileEarlyDependencies, signal: AbortSignal): Promise<number> {
  let ended = 0;
  for (const job of await deps.early.allEarly(batch)) {
    if (signal.aborted) break;
    try {
      ended += (await lookAfter(deps, job)) ? 1 : 0;
    } catch (err) {
      deps.logger.debug({ err, uploadId: job.uploadId }, 'early work could not be looked after yet');
    }
  }
  return ended;
}

async function lookAfter(deps: ReconcileEarlyDependencies, job: EarlyJob): Promise<boolean> {
  const { id, state, uploadId, changedAt } = job;
  if (state === 'ending') return await endEarly(deps, id);
  const made = await deps.jobs.findJob(jobIdOfUpload(uploadId));
  if (made && hasEnded(made.job)) return await endEarly(deps, id);
  if (made) {
    await closeEarly(deps, id);
    return false;
  }
  if (Date.now() - Date.parse(changedAt) > deps.askMs) {
    if (!(await isAwaited(deps, job))) return await endEarly(deps, id);
    await deps.early.changeEarly(id, (current) => current);
  }
  await giveOutEarly(deps, id);
  return false;
}

/** Whether the asset of a source will be made of it. */
async function isAwaited({ assets }: ReconcileEarlyDependencies, { assetId }: EarlyJob): Promise<boolean> {
  try {
    const { asset } = await assets.getAsset({ assetId });
    return asset?.state === AssetState.CREATED || asset?.state === AssetState.SOURCE_READY;
  } catch (error) {
    if (ConnectError.from(error).code === Code.NotFound) return false;
    throw error;
  }
}
