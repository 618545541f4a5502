import { create } from '@bufbuild/protobuf';
import { type Timestamp, timestampFromDate } from '@bufbuild/protobuf/wkt';
import {
  type Asset,
  AssetSchema,
  AssetState,
  type Generation,
  PlaybackPolicy,
  type Source,
} from '@kerkis/contracts/catalog';
import type { Failure } from '@kerkis/contracts/media';

/** Services that store something for an asset, and must have deleted it before the asset is gone. */
export const storingServices = ['upload', 'transcode'] as const;
/** One of them. */
export type StoringService = (typeof storingServices)[number];

/** An asset as the catalog keeps it. */
export interface AssetRecord {
  readonly asset: Asset;
  /** Services that have not yet said that their objects are deleted. Only in state DELETING. */
  readonly awaitingDeletion: readonly StoringService[];
}

/** What a new asset is made of. */
export interface NewAsset {
  readonly id: string;
  readonly playbackId: string;
  readonly title: string;
  readonly metadata: Record<string, string>;
  readonly profile: string;
  readonly policy: PlaybackPolicy;
  /** Empty when nothing is traced. */
  readonly traceParent: string;
  readonly now: Date;
}

/** A new asset in state CREATED. */
export function newAsset(input: NewAsset): AssetRecord {
  const policy = input.policy === PlaybackPolicy.UNSPECIFIED ? PlaybackPolicy.PUBLIC : input.policy;
  const asset = create(AssetSchema, {
    id: input.id,
    state: AssetState.CREATED,
    title: input.title,
    metadata: input.metadata,
    profile: input.profile,
    traceParent: input.traceParent,
    playbackIds: [{ id: input.playbackId, policy }],
    createTime: timestampFromDate(input.now),
    updateTime: timestampFromDate(input.now),
  });
  return { asset, awaitingDeletion: [] };
}

function changed(record: AssetRecord, now: Date, change: Partial<Asset>): AssetRecord {
  const updateTime: Timestamp = timestampFromDate(now);
  return { ...record, asset: { ...record.asset, ...change, updateTime } };
}

/** The source has arrived: CREATED → SOURCE_READY. Undefined when there is nothing to do. */
export function sourceArrived(record: AssetRecord, source: Source, now: Date): AssetRecord | undefined {
  if (record.asset.state !== AssetState.CREATED) return undefined;
  return changed(record, now, { state: AssetState.SOURCE_READY, source });
}

/** The upload ended without a source: CREATED → FAILED. */
export function sourceFailed(record: AssetRecord, failure: Failure, now: Date): AssetRecord | undefined {
  if (record.asset.state !== AssetState.CREATED) return undefined;
  return changed(record, now, { state: AssetState.FAILED, failure });
}

/** A generation is planned: the first one makes the asset PLAYABLE, a later one changes nothing yet. */
export function generationPlanned(
  record: AssetRecord,
  generation: Generation,
  sourceInfo: Asset['sourceInfo'],
  now: Date,
): AssetRecord | undefined {
  const { asset } = record;
  if (asset.state !== AssetState.SOURCE_READY) return undefined;
  return changed(record, now, {
    state: AssetState.PLAYABLE,
    activeGenerationId: generation.id,
    durationMs: generation.grid?.durationMs ?? 0n,
    ...(sourceInfo && { sourceInfo }),
  });
}

/** A generation is complete: it becomes the one that plays, in one write. */
export function generationCompleted(
  record: AssetRecord,
  generation: Generation,
  now: Date,
): AssetRecord | undefined {
  const { asset } = record;
  if (asset.state === AssetState.DELETING) return undefined;
  if (asset.state === AssetState.READY && asset.activeGenerationId === generation.id) return undefined;
  const { failure: _, ...rest } = asset;
  return changed({ ...record, asset: rest }, now, {
    state: AssetState.READY,
    activeGenerationId: generation.id,
    durationMs: generation.grid?.durationMs ?? asset.durationMs,
  });
}

/** A generation failed: the asset fails with it, unless another one is complete and keeps playing. */
export function generationFailed(
  record: AssetRecord,
  generation: Generation,
  failure: Failure,
  now: Date,
): AssetRecord | undefined {
  const { asset } = record;
  const playsAnother = asset.state === AssetState.READY && asset.activeGenerationId !== generation.id;
  if (playsAnother || asset.state === AssetState.DELETING || asset.state === AssetState.FAILED) {
    return undefined;
  }
  return changed(record, now, { state: AssetState.FAILED, activeGenerationId: '', failure });
}

/** A failed generation is made again: the asset waits for its plan once more. */
export function generationRestarted(record: AssetRecord, now: Date): AssetRecord | undefined {
  if (record.asset.state !== AssetState.FAILED || !record.asset.source) return undefined;
  const { failure: _, ...rest } = record.asset;
  return changed({ ...record, asset: rest }, now, { state: AssetState.SOURCE_READY });
}

/** The asset is to go. Undefined when it already is on its way out. */
export function deletionRequested(record: AssetRecord, now: Date): AssetRecord | undefined {
  if (record.asset.state === AssetState.DELETING) return undefined;
  return {
    ...changed(record, now, { state: AssetState.DELETING }),
    awaitingDeletion: storingServices,
  };
}

/** One service has deleted what it stored. Undefined when that is no news. */
export function serviceDeleted(
  record: AssetRecord,
  service: StoringService,
  now: Date,
): AssetRecord | undefined {
  if (record.asset.state !== AssetState.DELETING || !record.awaitingDeletion.includes(service)) {
    return undefined;
  }
  const awaitingDeletion = record.awaitingDeletion.filter((each) => each !== service);
  return { ...changed(record, now, {}), awaitingDeletion };
}

/** The asset under other playback IDs. */
export function withPlaybackIds(
  record: AssetRecord,
  playbackIds: Asset['playbackIds'],
  now: Date,
): AssetRecord {
  return changed(record, now, { playbackIds });
}

/** Its playing generation changed in a way that edges should see. Undefined when another generation plays. */
export function touched(record: AssetRecord, generationId: string, now: Date): AssetRecord | undefined {
  return record.asset.activeGenerationId === generationId ? changed(record, now, {}) : undefined;
}
