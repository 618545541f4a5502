import { ChunkClass } from '@kerkis/contracts/transcode';
import {
  type ContentLook,
  defaultExtras,
  type EncodingProfile,
  type FitReason,
  type MediaPlan,
  type Storyboard,
  type TextTrackPlan,
  textTracks,
  type VideoRung,
} from '@kerkis/media';
import { lowestRung } from './plan-chunks.ts';
import { planDownloads } from './plan-downloads.ts';
import { planIFrames } from './plan-iframes.ts';
import { videoTrackName } from './tracks.ts';

/** What all side work has. */
interface SideWorkBase {
  /** Tells it from other side work of its kind. */
  readonly name: string;
  /** Tracks that must be complete before it is given out. None: as soon as no head waits any more. */
  readonly needs: readonly string[];
}

/** Work of a job that makes no segments. Plain data: kept in the record of its chunk. */
export type SideWork = SideWorkBase &
  (
    | { readonly kind: 'poster' }
    | { readonly kind: 'thumbnail'; readonly timeMs: number; readonly width: number }
    /** From the stored segments of a track. */
    | { readonly kind: 'storyboard'; readonly track: string }
    | { readonly kind: 'waveform' }
    /** All with one look at the source. */
    | { readonly kind: 'text'; readonly tracks: readonly TextTrackPlan[] }
    | { readonly kind: 'download'; readonly from: DownloadSource }
    /** Takes over what another job made. */
    | { readonly kind: 'copy' }
    /** Finds out what the content takes, so that the ladder can be fitted to it. */
    | { readonly kind: 'look' }
    /** Compares stored segments of a track with the source. */
    | { readonly kind: 'quality'; readonly track: string }
    /** Finds the first pictures of the stored segments of a track. */
    | { readonly kind: 'iframes'; readonly track: string }
  );

/** What a file to download is made of: stored tracks, or the sound of the source. */
export type DownloadSource =
  | { readonly format: 'mp4' | 'm4a'; readonly video?: string; readonly audio?: string }
  | {
      readonly format: 'mp3';
      readonly streamIndex: number;
      readonly bitrateBps: number;
      readonly gainDb: number;
    };

/** Kinds of side work. */
export type SideKind = SideWork['kind'];

/** Side work of one kind. */
export type SideWorkOf<K extends SideKind> = Extract<SideWork, { readonly kind: K }>;

/** What side work gave, by its kind. Plain data: kept in the record of its chunk. */
export interface SideResults {
  readonly poster: { readonly kind: 'poster' };
  readonly thumbnail: { readonly kind: 'thumbnail' };
  readonly storyboard: { readonly kind: 'storyboard'; readonly storyboard: Storyboard };
  readonly waveform: { readonly kind: 'waveform' };
  readonly text: { readonly kind: 'text'; readonly tracks: readonly StoredText[] };
  readonly download: {
    readonly kind: 'download';
    readonly contentType: string;
    readonly sizeBytes: number;
    readonly name: string;
  };
  readonly copy: { readonly kind: 'copy' };
  readonly look: {
    readonly kind: 'look';
    readonly look: ContentLook;
    /** Encoded rungs of the fitted ladder. */
    readonly video: readonly VideoRung[];
    readonly reasons: readonly FitReason[];
  };
  readonly quality: {
    readonly kind: 'quality';
    readonly track: string;
    readonly psnrDb: number;
    readonly ssim: number;
    readonly segmentCount: number;
  };
  readonly iframes: {
    readonly kind: 'iframes';
    readonly track: string;
    readonly peakBandwidthBps: number;
    readonly averageBandwidthBps: number;
  };
}

/** A text track that is stored. */
export interface StoredText {
  /** `text/en`. */
  readonly name: string;
  readonly sizeBytes: number;
}

/** What one side work gave. */
export type SideResult = SideResults[SideKind];

/** Side work that a plan asks for. */
export interface PlannedSideWork {
  readonly work: SideWork;
  readonly class: ChunkClass;
}

/** Side work of assets as short as this goes with the heads: they would wait for the chunks of every film before them. */
const shortSeconds = 300;

/**
 * All side work of a plan, in the order in which it is given out. None of it fails its job. Sound without pictures gets its waveform
 * unasked: a player has nothing else to show.
 */
export function sideWorkOf(
  plan: MediaPlan,
  { extras = defaultExtras }: Pick<EncodingProfile, 'extras'>,
): PlannedSideWork[] {
  const { source, ladder } = plan;
  const hasPicture = source.video !== undefined || source.attachedPicture !== undefined;
  const hasWaveform = source.audios.length > 0 && (extras.waveform || source.video === undefined);
  const texts = extras.text ? textTracks(source).tracks : [];
  const lowest = lowestRung(ladder.video) ?? ladder.remux;
  const works: SideWork[] = [
    ...when(extras.poster && hasPicture, { kind: 'poster', name: '', needs: [] }),
    ...when(texts.length > 0, { kind: 'text', name: '', needs: [], tracks: texts }),
    ...when(hasWaveform, { kind: 'waveform', name: '', needs: [] }),
    ...(extras.storyboard && lowest ? [storyboard(videoTrackName(lowest))] : []),
    ...planIFrames(ladder, extras),
    ...planDownloads(plan, extras.downloads),
    ...(extras.quality ? ladder.video.map((rung) => quality(videoTrackName(rung))) : []),
  ];
  const isShort = source.durationSeconds <= shortSeconds;
  return works.map((work) => ({ work, class: isShort ? ChunkClass.HEAD : ChunkClass.BULK }));
}

const when = (isWanted: boolean, work: SideWork): SideWork[] => (isWanted ? [work] : []);

const storyboard = (track: string): SideWork => ({ kind: 'storyboard', name: '', needs: [track], track });

const quality = (track: string): SideWork => ({ kind: 'quality', name: track, needs: [track], track });
