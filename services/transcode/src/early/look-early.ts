import { fromJson } from '@bufbuild/protobuf';
import { ProfileSchema } from '@kerkis/contracts/media';
import { isKerkisError } from '@kerkis/errors';
import {
  type ArrivedBytes,
  type ArrivingSource,
  type EncodingProfile,
  planMedia,
  type SourceInfo,
} from '@kerkis/media';
import type { ObjectStore } from '@kerkis/objects';
import { encodingProfile } from '../domain/encoding-profile.ts';
import { type EarlyJob, type EarlyPlan, lookedAt, looking } from './early-job.ts';
import type { EarlyStore } from './early-store.ts';

/** What a look at the beginning of a source needs. */
export interface LookEarlyDependencies {
  readonly early: Pick<EarlyStore, 'changeEarly'>;
  readonly objects: Pick<ObjectStore, 'growing'>;
  readonly probeArriving: (
    path: string,
    arrived: ArrivedBytes,
    signal: AbortSignal,
  ) => Promise<ArrivingSource>;
  /** Throws for sources that the configuration does not want. */
  readonly refuse: (source: SourceInfo) => void;
  /** Encoders in hardware that the plan of a profile may count on. */
  readonly hardwareFor: (profile: EncodingProfile, signal: AbortSignal) => Promise<readonly string[]>;
  readonly chunkSeconds: number;
}

/** So long others keep away from a source that is being looked at. */
const lookingMs = 120_000;

/** Looks at what is there of a source, if that is worth its while, and plans by it. What tells nothing does no harm. */
export async function lookEarly(
  deps: LookEarlyDependencies,
  known: EarlyJob,
  signal: AbortSignal,
): Promise<void> {
  if (!looking(known, 1, new Date())) return;
  const untilMs = Date.now() + lookingMs;
  const mine = await deps.early.changeEarly(known.id, (job) => looking(job, untilMs, new Date()));
  if (!mine) return;
  const found = await look(deps, mine, signal).catch((error: unknown) => {
    // What the configuration or the planner refuses will be refused when all of it is there.
    if (isKerkisError(error) && !error.mapping.retryable) return { isHopeless: true };
    if (isKerkisError(error)) return {};
    throw error;
  });
  await deps.early.changeEarly(mine.id, (job) =>
    job.lookingUntilMs === untilMs ? lookedAt(job, { atBytes: mine.arrivedBytes, ...found }) : undefined,
  );
}

async function look(
  { objects, probeArriving, refuse, hardwareFor, chunkSeconds }: LookEarlyDependencies,
  { objectKey, multipartId, arrivedBytes, sizeBytes, profile }: EarlyJob,
  signal: AbortSignal,
): Promise<{ early?: EarlyPlan; isHopeless?: boolean }> {
  const encoding = encodingProfile(fromJson(ProfileSchema, profile));
  // A gain is known when all of the sound was heard.
  if (encoding.loudness) return { isHopeless: true };
  const growing = await objects.growing?.(objectKey, multipartId);
  if (!growing) return {};
  const arrived = {
    arrivedBytes: Math.min(arrivedBytes, growing.sizeBytes),
    ...(sizeBytes > 0 && { sizeBytes }),
  };
  const found = await probeArriving(growing.path, arrived, signal);
  if (found.kind === 'later') return {};
  if (found.kind === 'never') return { isHopeless: true };
  refuse(found.source);
  const plan = planMedia(found.source, encoding, { hardware: await hardwareFor(encoding, signal) });
  const told = found.kind === 'told' ? { needs: found.needs, readySeconds: 0 } : found;
  return {
    early: {
      plan,
      chunkSeconds,
      readySeconds: told.readySeconds,
      ...('needs' in told && { needs: told.needs }),
    },
  };
}
