import { create } from '@bufbuild/protobuf';
import { type Timestamp, timestampFromDate } from '@bufbuild/protobuf/wkt';
import {
  type Asset,
  AssetSchema,
  AssetState,
  Encryption,
  type Generation,
  GenerationState,
  PlaybackPolicy,
  type Source,
} from '@kerkis/contracts/catalog';
import type { Failure } from '@kerkis/contracts/media';
import { requestedAtMs } from './generation.ts';

/** Services that store something for an asset, and must have deleted it before the asset is gone. */
const storingServices = ['upload', 'transcode'] as const;
/** One of them. */
export type StoringService = (typeof storingServices)[number];

/** An asset as the catalog keeps it. */
export interface AssetRecord {
  readonly asset: Asset;
  /** Services that have not yet said that their objects are deleted. Only in state DELETING. */
  readonly awaitingDeletion: readonly StoringService[];
  /** When the generation that plays was last asked for, milliseconds since 1970; 0 while none is complete. */
  readonly activeSinceMs: number;
}

/** What a new asset is made of. */
export interface NewAsset {
  readonly id: string;
  readonly playbackId: string;
  readonly title: string;
  readonly metadata: Record<string, string>;
  readonly profile: string;
  readonly policy: PlaybackPolicy;
  readonly encryption: Encryption;
  /** Empty when nothing is traced. */
  readonly traceParent: string;
  readonly now: Date;
}

/** A new asset in state CREATED. */
export function newAsset(input: NewAsset): AssetRecord {
  const policy = input.policy === PlaybackPolicy.UNSPECIFIED ? PlaybackPolicy.PUBLIC : input.policy;
  const encryption = input.encryption || Encryption.NONE;
  const asset = create(AssetSchema, {
    id: input.id,
    state: AssetState.CREATED,
    title: input.title,
    metadata: input.metadata,
    profile: input.profile,
    traceParent: input.traceParent,
    playbackIds: [{ id: input.playbackId, policy, encryption }],
    createTime: timestampFromDate(input.now),
    updateTime: timestampFromDate(input.now),
  });
  return { asset, awaitingDeletion: [], activeSinceMs: 0 };
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

/** The SHA-256 of a source that came without it is known. Undefined when that is no news. */
export function sourceHashed(record: AssetRecord, source: Source, now: Date): AssetRecord | undefined {
  const { source: known, state } = record.asset;
  const isNews = known?.objectKey === source.objectKey && known.sha256 === '' && source.sha256 !== '';
  if (!isNews || state === AssetState.DELETING) return undefined;
  return changed(record, now, { source: { ...known, sha256: source.sha256 } });
}

/** The upload ended without a source: CREATED → FAILED. */
export function sourceFailed(record: AssetRecord, failure: Failure, now: Date): AssetRecord | undefined {
  if (record.asset.state !== AssetState.CREATED) return undefined;
  return changed(record, now, { state: AssetState.FAILED, failure });
}

/**
 * A generation is planned: it makes the asset PLAYABLE, unless another one plays already. Also one that failed, when this
 * generation was asked for afterwards.
 */
export function generationPlanned(
  record: AssetRecord,
  generation: Generation,
  sourceInfo: Asset['sourceInfo'],
  now: Date,
): AssetRecord | undefined {
  const { asset } = record;
  if (generation.state !== GenerationState.PLANNED) return undefined;
  const waits = asset.state === AssetState.SOURCE_READY || asset.state === AssetState.FAILED;
  if (!waits || !asset.source) return undefined;
  const { failure: _, ...rest } = asset;
  return changed({ ...record, asset: rest }, now, {
    state: AssetState.PLAYABLE,
    activeGenerationId: generation.id,
    durationMs: generation.grid?.durationMs ?? 0n,
    ...(sourceInfo && { sourceInfo }),
  });
}

/**
 * A generation is complete: it becomes the one that plays, in one write, unless one that was asked for later is complete
 * already. So an event that comes again does not bring back what it once made.
 */
export function generationCompleted(
  record: AssetRecord,
  generation: Generation,
  now: Date,
): AssetRecord | undefined {
  const { asset } = record;
  if (generation.state !== GenerationState.COMPLETE) return undefined;
  if (asset.state === AssetState.DELETING || !asset.source) return undefined;
  const askedForMs = requestedAtMs(generation);
  if (asset.state === AssetState.READY) {
    const isActive = asset.activeGenerationId === generation.id;
    if (isActive ? askedForMs === record.activeSinceMs : askedForMs < record.activeSinceMs) return undefined;
  }
  const { failure: _, ...rest } = asset;
  return changed({ ...record, asset: rest, activeSinceMs: askedForMs }, now, {
    state: AssetState.READY,
    activeGenerationId: generation.id,
    durationMs: generation.grid?.durationMs ?? asset.durationMs,
  });
}

/** A generation failed: the asset fails with it, unless another one plays or is on its way. */
export function generationFailed(
  record: AssetRecord,
  generation: Generation,
  { failure, isAnotherOpen }: { failure: Failure; isAnotherOpen: boolean },
  now: Date,
): AssetRecord | undefined {
  const { asset } = record;
  const playsAnother = asset.activeGenerationId !== '' && asset.activeGenerationId !== generation.id;
  if (playsAnother || asset.state === AssetState.DELETING || asset.state === AssetState.FAILED) {
    return undefined;
  }
  const next = { ...record, activeSinceMs: 0 };
  if (isAnotherOpen) {
    if (asset.activeGenerationId === '') return undefined;
    return changed(next, now, { state: AssetState.SOURCE_READY, activeGenerationId: '' });
  }
  return changed(next, now, { state: AssetState.FAILED, activeGenerationId: '', failure });
}

/** A generation that failed, which may not have been told yet, is made again: the asset waits for its plan once more. */
export function generationRestarted(
  record: AssetRecord,
  generationId: string,
  now: Date,
): AssetRecord | undefined {
  const { state, source, activeGenerationId } = record.asset;
  const played = state === AssetState.PLAYABLE && activeGenerationId === generationId;
  if ((state !== AssetState.FAILED && !played) || !source) return undefined;
  const { failure: _, ...rest } = record.asset;
  return changed({ ...record, asset: rest }, now, { state: AssetState.SOURCE_READY, activeGenerationId: '' });
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

/** It was asked again to be deleted. Undefined when it is not to go. */
export function deletionAskedAgain(record: AssetRecord, now: Date): AssetRecord | undefined {
  return record.asset.state === AssetState.DELETING ? changed(record, now, {}) : undefined;
}

/** Its playing generation changed in a way that edges should see. Undefined when another generation plays. */
export function touched(record: AssetRecord, generationId: string, now: Date): AssetRecord | undefined {
  return record.asset.activeGenerationId === generationId ? changed(record, now, {}) : undefined;
}
