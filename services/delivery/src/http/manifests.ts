import type { Storyboard } from '@kerkis/contracts/media';
import { manifest } from '@kerkis/dash';
import { type ByteRange, iframePlaylist, mediaPlaylist, multivariantPlaylist } from '@kerkis/hls';
import { LRUCache } from 'lru-cache';
import type { PlayableGeneration } from '../domain/playable-generation.ts';
import type { PlayableTrack } from '../domain/playable-track.ts';
import { storyboardVtt, thumbnailsOf } from '../domain/storyboard.ts';
import { createDocument, type Document } from './document.ts';

/**
 * Playlists and manifests, written once for each state of a generation, and for each token that all URLs in them are to carry.
 */
export interface Manifests {
  master(generation: PlayableGeneration, token?: string): Document;
  mpd(generation: PlayableGeneration, token?: string): Document;
  media(generation: PlayableGeneration, track: PlayableTrack, token?: string): Document;
  /** `ranges` is called where it is not written yet. */
  iframes(
    generation: PlayableGeneration,
    track: PlayableTrack,
    ranges: () => Promise<readonly ByteRange[]>,
    token?: string,
  ): Promise<Document>;
  storyboard(generation: PlayableGeneration, storyboard: Storyboard, token?: string): Document;
}

const sharedBytes = 64 * 1024 * 1024;
/** Of one viewer each: those who hold many tokens do not empty the cache of the others. */
const carryingBytes = 32 * 1024 * 1024;
const hlsType = 'application/vnd.apple.mpegurl';
const dashType = 'application/dash+xml';
const vttType = 'text/vtt; charset=utf-8';

export function createManifests(observe: (result: 'hit' | 'miss') => void): Manifests {
  const cacheOf = (maxSize: number) =>
    new LRUCache<string, Document>({
      maxSize,
      // Compressed forms come later; playlists shrink to a fraction.
      sizeCalculation: ({ bytes }, key) => Math.ceil(bytes.byteLength * 1.5) + key.length + 512,
    });
  const shared = cacheOf(sharedBytes);
  const carrying = cacheOf(carryingBytes);

  /** Where a text is kept, and what its URLs carry. */
  function place(generation: PlayableGeneration, name: string, token: string | undefined) {
    const cache = token === undefined ? shared : carrying;
    const key = [generation.fingerprint, name, token].join(' ');
    const known = cache.get(key);
    observe(known ? 'hit' : 'miss');
    const { targetSeconds } = generation;
    const query = `g=${generation.token}${token === undefined ? '' : `&token=${token}`}`;
    const keep = (contentType: string, text: string) => {
      const made = createDocument(contentType, text);
      cache.set(key, made);
      return made;
    };
    return { known, keep, options: { query, targetSeconds } };
  }

  function written(
    generation: PlayableGeneration,
    name: string,
    contentType: string,
    token: string | undefined,
    write: (options: { readonly query: string; readonly targetSeconds: number }) => string,
  ): Document {
    const { known, keep, options } = place(generation, name, token);
    return known ?? keep(contentType, write(options));
  }

  return {
    master: (generation, token) =>
      written(generation, 'm3u8', hlsType, token, (options) =>
        multivariantPlaylist(generation.presentation, options),
      ),
    mpd: (generation, token) =>
      written(generation, 'mpd', dashType, token, (options) =>
        manifest({ ...generation.presentation, thumbnails: thumbnailsOf(generation.storyboard) }, options),
      ),
    media: (generation, { track }, token) =>
      written(generation, track.name, hlsType, token, (options) => mediaPlaylist(track, options)),
    iframes: async (generation, { track }, ranges, token) => {
      const { known, keep, options } = place(generation, `${track.name} iframes`, token);
      return known ?? keep(hlsType, iframePlaylist(track, await ranges(), options));
    },
    storyboard: (generation, storyboard, token) =>
      written(generation, 'vtt', vttType, token, ({ query }) =>
        storyboardVtt(storyboard, generation.durationMs, query),
      ),
  };
}
