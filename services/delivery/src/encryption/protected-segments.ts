import {
  commonSystemId,
  encryptAes128,
  type ProtectedTrack,
  protectInit,
  protectSegment,
  psshBox,
  readTrack,
  sequenceIv,
} from '@kerkis/cenc';
import { KerkisError } from '@kerkis/errors';
import type { ObjectRead } from '@kerkis/objects';
import { LRUCache } from 'lru-cache';
import type { PlayableGeneration } from '../domain/playable-generation.ts';
import type { MediaObject, MediaObjects } from '../media/media-objects.ts';
import type { Segments } from '../media/segments.ts';
import { singleFlight } from '../store/single-flight.ts';
import type { ContentKey } from './content-keys.ts';
import { type Protection, protectionOf } from './protection.ts';

/** What encryption stands on. */
export interface ProtectedSegmentsOptions {
  readonly segments: Segments;
  readonly objects: Pick<MediaObjects, 'open'>;
  /** Memory for what was encrypted lately. */
  readonly cacheBytes: number;
}

/** What an entry costs besides its bytes. */
const overheadBytes = 1024;
/** Larger ones, minutes of video, would take this process away from everybody else. */
const maxSegmentBytes = 128 * 1024 * 1024;

/**
 * Segments as generations want them: those of one that is encrypted are, and each once however many ask for it. The same segment gives
 * the same bytes on all edges.
 */
export function createProtectedSegments({
  segments,
  objects,
  cacheBytes,
}: ProtectedSegmentsOptions): Segments {
  const cache = new LRUCache<string, MediaObject>({
    maxSize: Math.max(1, Math.floor(cacheBytes)),
    sizeCalculation: ({ bytes }) => (bytes?.byteLength ?? 0) + overheadBytes,
  });
  const flights = singleFlight<MediaObject>();
  const described = new WeakMap<Buffer, ProtectedTrack>();

  async function bytesOf(object: MediaObject): Promise<Buffer> {
    if (object.bytes) return object.bytes;
    if (object.sizeBytes > maxSegmentBytes) {
      throw new KerkisError(
        'unsupported',
        'SEGMENT_TOO_LARGE',
        'This segment is too large to be encrypted on its way.',
      );
    }
    const range = { start: 0, end: object.sizeBytes - 1 };
    const body: ObjectRead['body'] = await objects.open(object.key, range, AbortSignal.timeout(30_000));
    return Buffer.concat(await Array.fromAsync(body as AsyncIterable<Uint8Array>));
  }

  function trackOf(init: Buffer): ProtectedTrack {
    const known = described.get(init) ?? readTrack(init);
    described.set(init, known);
    return known;
  }

  async function encrypt(
    place: Parameters<Segments['read']>[0],
    clear: MediaObject,
    { scheme, keys, tag }: Protection,
    signal: AbortSignal,
  ): Promise<MediaObject> {
    const key = keys[place.track.startsWith('video/') ? 'video' : 'audio'];
    const made = scheme === 'aes-128' ? await asWhole(place.segment, clear, key) : await bySamples();
    const { lastModified } = clear;
    const etag = `"${clear.etag.replaceAll('"', '')}-${tag}"`;
    return { key: `${clear.key} ${tag}`, sizeBytes: made.byteLength, etag, lastModified, bytes: made };

    async function bySamples(): Promise<Buffer> {
      const bytes = await bytesOf(clear);
      const psshs = [psshBox(commonSystemId, [key.keyId])];
      if (place.segment === 0) return protectInit(bytes, key, psshs);
      const init = await segments.read({ ...place, segment: 0 }, () => signal);
      return protectSegment(bytes, trackOf(await bytesOf(init)), key);
    }
  }

  async function asWhole(segment: number, clear: MediaObject, { key }: ContentKey): Promise<Buffer> {
    return encryptAes128(await bytesOf(clear), key, sequenceIv(segment));
  }

  return {
    stored: (key) => segments.stored(key),
    async read(place, signal) {
      const protection = protectionOf(place.generation as PlayableGeneration);
      const clear = await segments.read(place, signal);
      // Its playlist declares the init segment before the key.
      if (!protection || (protection.scheme === 'aes-128' && place.segment === 0)) return clear;
      const name = `${clear.key} ${clear.etag} ${protection.tag}`;
      const known = cache.get(name);
      if (known) return known;
      const make = async (shared: AbortSignal) => {
        const made = await encrypt(place, clear, protection, shared);
        cache.set(name, made);
        return made;
      };
      return await flights.join(name, make, signal());
    },
  };
}
