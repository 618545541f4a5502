import { toJson } from '@bufbuild/protobuf';
import type { Client } from '@connectrpc/connect';
import { type AssetService, AssetState, type ProfileService } from '@kerkis/contracts/catalog';
import { ProfileSchema } from '@kerkis/contracts/media';
import type { SourceArriving } from '@kerkis/contracts/upload/events';
import type { DeletionStore } from '../store/deletions.ts';
import { arrived, type EarlyJob, earlyJobId, newEarlyJob } from './early-job.ts';
import type { EarlyStore } from './early-store.ts';
import { type EndEarlyDependencies, endEarly } from './end-early.ts';
import { type GiveOutEarlyDependencies, giveOutEarly } from './give-out-early.ts';
import { type LookEarlyDependencies, lookEarly } from './look-early.ts';

/** What hearing of an arrival needs. */
export interface HearArrivalDependencies
  extends LookEarlyDependencies,
    GiveOutEarlyDependencies,
    EndEarlyDependencies {
  readonly early: EarlyStore;
  readonly chunks: GiveOutEarlyDependencies['chunks'] & EndEarlyDependencies['chunks'];
  readonly objects: EndEarlyDependencies['objects'] & GiveOutEarlyDependencies['objects'];
  readonly assets: Pick<Client<typeof AssetService>, 'getAsset'>;
  readonly profiles: Pick<Client<typeof ProfileService>, 'getProfile'>;
  readonly deletions: Pick<DeletionStore, 'findDeleted'>;
  /** Told when early work begins, of which something can be made. */
  readonly begun: (job: EarlyJob) => void;
}

/** More of a source is there: early work on it begins, or goes on. */
export async function hearArrival(
  deps: HearArrivalDependencies,
  arriving: SourceArriving,
  signal: AbortSignal,
): Promise<void> {
  const { early } = deps;
  const id = earlyJobId(arriving.uploadId);
  const known = await early.findEarly(id);
  if (!known && !(await begin(deps, arriving))) return;
  const job =
    (await early.changeEarly(id, (current) => arrived(current, arriving))) ?? (await early.findEarly(id));
  if (!job) return;
  if (job.state === 'ending') {
    await endEarly(deps, id);
    return;
  }
  await lookEarly(deps, job, signal);
  const now = await early.findEarly(id);
  if (now?.early && !job.early) deps.begun(now);
  await giveOutEarly(deps, id);
}

async function begin(deps: HearArrivalDependencies, arriving: SourceArriving): Promise<boolean> {
  const { early, assets, profiles, objects, deletions } = deps;
  const { assetId, objectKey, multipartId } = arriving;
  if (!(await objects.growing?.(objectKey, multipartId))) return false;
  const { asset } = await assets.getAsset({ assetId });
  if (asset?.state !== AssetState.CREATED) return false;
  const { profile } = await profiles.getProfile({ name: asset.profile });
  if (!profile) return false;
  const job = newEarlyJob(arriving, toJson(ProfileSchema, profile));
  await early.addEarly(job);
  // Looked up after it is there: a deletion either finds it, or is found here.
  if (!(await deletions.findDeleted(job))) return true;
  await endEarly(deps, job.id);
  return false;
}
