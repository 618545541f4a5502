import { create } from '@bufbuild/protobuf';
import {
  type Artefacts,
  ArtefactsSchema,
  DownloadSchema,
  IFrameIndexSchema,
  type Storyboard as StoryboardMessage,
  StoryboardSchema,
  type Track,
  TrackKind,
  type TrackQuality,
  TrackQualitySchema,
  TrackSchema,
} from '@kerkis/contracts/media';
import { ChunkState } from '@kerkis/contracts/transcode';
import type { Storyboard } from '@kerkis/media';
import type { ChunkRecord } from './chunk.ts';
import type { JobRecord } from './job.ts';
import { sideChunkId } from './new-chunk.ts';
import { sideWorkNow } from './per-title.ts';
import type { SideResult, SideResults, SideWork } from './side-work.ts';

/** What the side work of a job says about it. */
export interface SideCount {
  /** Whether side work that the plan asks for has no record yet. */
  readonly isMissing: boolean;
  /** Whether all of it is finished or dead. */
  readonly hasEnded: boolean;
  /** What is stored beside the tracks so far. */
  readonly artefacts: Artefacts;
  /** Text tracks that are stored so far. */
  readonly texts: readonly Track[];
  /** Quality of those tracks that are measured so far, by their names. */
  readonly qualities: ReadonlyMap<string, TrackQuality>;
}

const ended: readonly ChunkState[] = [ChunkState.FINISHED, ChunkState.DEAD, ChunkState.CANCELLED];

/** Counts the side work that a running job asks for now. Records of other side work count for nothing. */
export function countSide(job: JobRecord, records: readonly ChunkRecord[]): SideCount {
  const known = new Map(records.map((record) => [record.chunk.id, record]));
  const found = sideWorkNow(job).map(({ work }) => known.get(sideChunkId(job, work)));
  return {
    isMissing: found.includes(undefined),
    hasEnded: found.every((record) => record && ended.includes(record.chunk.state)),
    artefacts: artefactsOf(found.flatMap((record) => record?.sideResult ?? [])),
    texts: found.flatMap((record) => textsOf(job, record?.side, record?.sideResult)),
    qualities: new Map(found.flatMap((record) => qualityOf(record?.sideResult))),
  };
}

/** With the text tracks that it has not. The same array when it has all. */
export function withTexts(tracks: readonly Track[], texts: readonly Track[]): readonly Track[] {
  const added = texts.filter(({ name }) => !tracks.some((track) => track.name === name));
  return added.length > 0 ? [...tracks, ...added] : tracks;
}

/** With the quality that was measured since. The same array when there is none. */
export function withQualities(
  tracks: readonly Track[],
  qualities: ReadonlyMap<string, TrackQuality>,
): readonly Track[] {
  const measured = (track: Track) => (track.quality ? undefined : qualities.get(track.name));
  if (!tracks.some(measured)) return tracks;
  return tracks.map((track) => {
    const quality = measured(track);
    return quality ? { ...track, quality } : track;
  });
}

function qualityOf(result: SideResult | undefined): [string, TrackQuality][] {
  if (result?.kind !== 'quality') return [];
  const { track, psnrDb, ssim, segmentCount } = result;
  return [[track, create(TrackQualitySchema, { psnrDb, ssim, segmentCount })]];
}

function artefactsOf(results: readonly SideResult[]): Artefacts {
  const artefacts = create(ArtefactsSchema);
  for (const result of results) {
    if (result.kind === 'poster') artefacts.poster = true;
    else if (result.kind === 'waveform') artefacts.waveform = true;
    else if (result.kind === 'storyboard') artefacts.storyboard = storyboardMessage(result.storyboard);
    else if (result.kind === 'download') artefacts.downloads.push(downloadMessage(result));
    else if (result.kind === 'iframes') artefacts.iframes = iframesMessage(result);
  }
  return artefacts;
}

const storyboardMessage = ({ intervalMs, ...shape }: Storyboard): StoryboardMessage =>
  create(StoryboardSchema, { ...shape, intervalMs: BigInt(intervalMs) });

const downloadMessage = ({ name, contentType, sizeBytes }: SideResults['download']) =>
  create(DownloadSchema, { name, contentType, sizeBytes: BigInt(sizeBytes) });

const iframesMessage = ({ track, ...bandwidths }: SideResults['iframes']) =>
  create(IFrameIndexSchema, {
    track,
    peakBandwidthBps: BigInt(bandwidths.peakBandwidthBps),
    averageBandwidthBps: BigInt(bandwidths.averageBandwidthBps),
  });

function textsOf({ plan }: JobRecord, work: SideWork | undefined, result: SideResult | undefined): Track[] {
  if (work?.kind !== 'text' || result?.kind !== 'text') return [];
  return result.tracks.flatMap(({ name, sizeBytes }) => {
    const planned = work.tracks.find((each) => each.name === name);
    if (!planned) return [];
    const { language, label, isDefault, isForced } = planned;
    const bandwidthBps = BigInt(Math.ceil((sizeBytes * 8) / (plan?.source.durationSeconds ?? 1)));
    return create(TrackSchema, {
      name,
      kind: TrackKind.TEXT,
      codec: 'wvtt',
      timescale: 1000,
      peakBandwidthBps: bandwidthBps,
      averageBandwidthBps: bandwidthBps,
      sizeBytes: BigInt(sizeBytes),
      complete: true,
      offered: true,
      text: { language, label, isDefault, isForced },
    });
  });
}
