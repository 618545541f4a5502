import type { Storyboard } from '@kerkis/contracts/media';
import { manifest } from '@kerkis/dash';
import { type ByteRange, iframePlaylist, mediaPlaylist, multivariantPlaylist } from '@kerkis/hls';
import { LRUCache } from 'lru-cache';
import type { PlayableGeneration } from '../domain/playable-generation.ts';
import type { PlayableTrack } from '../domain/playable-track.ts';
import { storyboardVtt, thumbnailsOf } from '../domain/storyboard.ts';
import type { ManifestProtection } from '../encryption/manifest-keys.ts';
import { createDocument, type Document } from './document.ts';

/**
 * Playlists and manifests, written once for each state of a generation, and for each token that all URLs in them are to carry.
 */
export interface Manifests {
  master(generation: PlayableGeneration, token?: string, protection?: ManifestProtection): Document;
  mpd(generation: PlayableGeneration, token?: string, protection?: ManifestProtection): Document;
  media(
    generation: PlayableGeneration,
    track: PlayableTrack,
    token?: string,
    protection?: ManifestProtection,
  ): Document;
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
  function place(
    generation: PlayableGeneration,
    name: string,
    token: string | undefined,
    protection?: ManifestProtection,
  ) {
    const cache = token === undefined ? shared : carrying;
    const key = [generation.fingerprint, name, token, protection?.name].join(' ');
    const known = cache.get(key);
    observe(known ? 'hit' : 'miss');
    const { targetSeconds } = generation;
    const tag = protection === undefined ? '' : `&e=${protection.tag}`;
    const query = `g=${generation.token}${tag}${token === undefined ? '' : `&token=${token}`}`;
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
    protection?: ManifestProtection,
  ): Document {
    const { known, keep, options } = place(generation, name, token, protection);
    return known ?? keep(contentType, write(options));
  }

  return {
    master: (generation, token, protection) =>
      written(
        generation,
        'm3u8',
        hlsType,
        token,
        (options) => multivariantPlaylist(generation.presentation, options),
        protection,
      ),
    mpd: (generation, token, protection) => {
      const presentation = { ...generation.presentation, thumbnails: thumbnailsOf(generation.storyboard) };
      return written(
        generation,
        'mpd',
        dashType,
        token,
        (options) => manifest(presentation, { ...options, protectionOf: protection?.dash(options.query) }),
        protection,
      );
    },
    media: (generation, { track }, token, protection) =>
      written(
        generation,
        track.name,
        hlsType,
        token,
        (options) => mediaPlaylist(track, { ...options, encryption: protection?.hls(track, options.query) }),
        protection,
      ),
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
