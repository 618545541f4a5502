import type { Storyboard } from '@kerkis/contracts/media';
import { manifest } from '@kerkis/dash';
import { mediaPlaylist, multivariantPlaylist } from '@kerkis/hls';
import { LRUCache } from 'lru-cache';
import type { PlayableGeneration } from '../domain/playable-generation.ts';
import type { PlayableTrack } from '../domain/playable-track.ts';
import { storyboardVtt } from '../domain/storyboard.ts';
import { createDocument, type Document } from './document.ts';

/** Playlists and manifests, written once for each state of a generation. */
export interface Manifests {
  master(generation: PlayableGeneration): Document;
  mpd(generation: PlayableGeneration): Document;
  media(generation: PlayableGeneration, track: PlayableTrack): Document;
  storyboard(generation: PlayableGeneration, storyboard: Storyboard): Document;
}

const cacheBytes = 64 * 1024 * 1024;
const hlsType = 'application/vnd.apple.mpegurl';
const dashType = 'application/dash+xml';
const vttType = 'text/vtt; charset=utf-8';

export function createManifests(observe: (result: 'hit' | 'miss') => void): Manifests {
  const cache = new LRUCache<string, Document>({
    maxSize: cacheBytes,
    // Compressed forms come later; playlists shrink to a fraction.
    sizeCalculation: ({ bytes }) => Math.ceil(bytes.byteLength * 1.5) + 512,
  });

  function written(key: string, contentType: string, write: () => string): Document {
    const known = cache.get(key);
    observe(known ? 'hit' : 'miss');
    if (known) return known;
    const made = createDocument(contentType, write());
    cache.set(key, made);
    return made;
  }

  const queryOf = ({ token, targetSeconds }: PlayableGeneration) => ({ query: `g=${token}`, targetSeconds });
  return {
    master: (generation) =>
      written(`${generation.fingerprint} m3u8`, hlsType, () =>
        multivariantPlaylist(generation.presentation, queryOf(generation)),
      ),
    mpd: (generation) =>
      written(`${generation.fingerprint} mpd`, dashType, () =>
        manifest(generation.presentation, queryOf(generation)),
      ),
    media: (generation, { track }) =>
      written(`${generation.fingerprint} ${track.name}`, hlsType, () =>
        mediaPlaylist(track, queryOf(generation)),
      ),
    storyboard: (generation, storyboard) =>
      written(`${generation.fingerprint} vtt`, vttType, () =>
        storyboardVtt(storyboard, generation.durationMs, queryOf(generation).query),
      ),
  };
}
