import { KerkisError } from '@kerkis/errors';
import type { Track } from '@kerkis/hls';
import type { EdgePath } from './edge-path.ts';
import type { Grant } from './grant.ts';
import type { PlayableGeneration } from './playable-generation.ts';

/** A path that is served to those who were let in to its playback ID. */
export type ViewedPath = Exclude<EdgePath, { readonly kind: 'asset' | 'beacon' | 'player' | 'route' }>;

/** Throws `forbidden` PLAYBACK_HEIGHT_REFUSED or PLAYBACK_PREVIEW_ENDED for what lies beyond the grant. */
export function assertGranted(to: ViewedPath, generation: PlayableGeneration, grant: Grant): void {
  const { maxHeight = Number.POSITIVE_INFINITY, previewMs = Number.POSITIVE_INFINITY } = grant;
  const isPreview = previewMs < generation.durationMs;
  switch (to.kind) {
    case 'poster':
    case 'waveform':
    case 'master':
    case 'mpd':
    // Keys open nothing that is not let have.
    case 'key':
    case 'clearkey':
    // Its handler takes what is granted for the whole.
    case 'thumbnail':
      return;
    case 'media':
    case 'iframes':
    case 'init':
    case 'segment': {
      const track = generation.tracks.get(to.track)?.track;
      if (!track) return;
      if (heightOf(track) > maxHeight) throw heightRefused(maxHeight);
      if (track.kind === 'text' && isPreview) throw previewEnded(previewMs);
      if (to.kind === 'segment' && isPreview && to.segment > segmentsBefore(track, previewMs)) {
        throw previewEnded(previewMs);
      }
      return;
    }
    // Each of these files shows or holds more than the beginning.
    case 'text':
    case 'storyboard':
    case 'sprite':
      if (isPreview) throw previewEnded(previewMs);
      return;
    case 'download':
      if (isPreview) throw previewEnded(previewMs);
      if (downloadHeight(to.name, generation) > maxHeight) throw heightRefused(maxHeight);
  }
}

/** The generation as its manifests show it to the holder of a grant. `forbidden` PLAYBACK_HEIGHT_REFUSED when nothing is left. */
export function restrictedGeneration(generation: PlayableGeneration, grant: Grant): PlayableGeneration {
  const { maxHeight, previewMs } = grant;
  const isPreview = previewMs !== undefined && previewMs < generation.durationMs;
  if (maxHeight === undefined && !isPreview) return generation;
  const lowEnough = generation.presentation.tracks.filter(
    (track) => maxHeight === undefined || heightOf(track) <= maxHeight,
  );
  const shown = isPreview
    ? lowEnough.filter(({ kind }) => kind !== 'text').map((track) => beginning(track, previewMs))
    : lowEnough;
  if (maxHeight !== undefined && !shown.some(({ kind }) => kind !== 'text')) throw heightRefused(maxHeight);
  const durationMs = isPreview ? previewMs : generation.durationMs;
  // Grants that show the same share what is written.
  const highest = Math.max(0, ...shown.map(heightOf));
  return {
    ...generation,
    durationMs,
    fingerprint: `${generation.fingerprint} ${highest} ${durationMs}`,
    presentation: { ...generation.presentation, durationMs, tracks: shown },
    // Each sprite shows more than the beginning.
    storyboard: isPreview ? undefined : generation.storyboard,
    tracks: new Map(
      [...generation.tracks].map(([name, playable]) => [
        name,
        isPreview ? { ...playable, track: beginning(playable.track, previewMs) } : playable,
      ]),
    ),
  };
}

/** The shorter side, as rungs are named by it. 0 of what is no picture. */
function heightOf({ video }: Track): number {
  return video ? Math.min(video.width, video.height) : 0;
}

/** How many segments begin before a time. */
function segmentsBefore(track: Track, endMs: number): number {
  return beginning(track, endMs).segments.reduce((sum, { count }) => sum + count, 0);
}

/** The segments of a track that begin before a time. */
function beginning(track: Track, endMs: number): Track {
  const endTicks = (endMs / 1000) * track.timescale;
  let startTicks = 0;
  const segments = track.segments.flatMap(({ count, duration }) => {
    const fitting = Math.min(count, Math.ceil((endTicks - startTicks) / duration));
    startTicks += count * duration;
    return fitting > 0 ? [{ count: fitting, duration }] : [];
  });
  return { ...track, segments };
}

/** What `720p.mp4` says. Pictures under a name that says nothing may be as large as any. */
function downloadHeight(name: string, { downloads }: PlayableGeneration): number {
  if (!downloads.get(name)?.contentType.startsWith('video/')) return 0;
  return Number(/^(\d+)p\b/.exec(name)?.[1] ?? Number.POSITIVE_INFINITY);
}

function heightRefused(maxHeight: number): KerkisError {
  return new KerkisError(
    'forbidden',
    'PLAYBACK_HEIGHT_REFUSED',
    `This token allows pictures up to ${maxHeight}p.`,
  );
}

/** `forbidden` PLAYBACK_PREVIEW_ENDED. */
export function previewEnded(previewMs: number): KerkisError {
  return new KerkisError(
    'forbidden',
    'PLAYBACK_PREVIEW_ENDED',
    `This token allows the first ${previewMs / 1000} seconds.`,
  );
}
