import { isKerkisError, KerkisError } from '@kerkis/errors';
import type { ByteRange } from '@kerkis/hls';
import type { OpenView } from '../access/playbacks.ts';
import { revisable } from '../domain/caching.ts';
import type { ManifestPath } from '../domain/edge-path.ts';
import { iframeRanges } from '../domain/iframe-ranges.ts';
import type { PlayableGeneration } from '../domain/playable-generation.ts';
import { restrictedGeneration } from '../domain/restricted-generation.ts';
import type { DescribeProtection, ManifestProtection } from '../encryption/manifest-keys.ts';
import type { PlaybackBegan } from '../first-playback.ts';
import type { MediaObjects } from '../media/media-objects.ts';
import { type Document, sendDocument } from './document.ts';
import type { Exchange } from './exchange.ts';
import type { Manifests } from './manifests.ts';
import { trackOf } from './segment.ts';

/** What the handler needs. */
export interface ManifestDependencies {
  readonly view: OpenView<Exchange>;
  readonly manifests: Manifests;
  readonly objects: Pick<MediaObjects, 'read'>;
  readonly ttlSeconds: number;
  readonly began: PlaybackBegan;
  readonly describeProtection: DescribeProtection;
}

/** The multivariant playlist, the MPD, or a playlist of a track. */
export async function manifest(
  { view, manifests, objects, ttlSeconds, began, describeProtection }: ManifestDependencies,
  to: ManifestPath,
  exchange: Exchange,
): Promise<void> {
  const viewed = await view(to, exchange);
  const { playing, grant } = viewed;
  if (to.kind === 'master' || to.kind === 'mpd') began(playing);
  const generation = restrictedGeneration(viewed.generation, grant);
  const protection = describeProtection(generation, to, exchange.req);
  const document = await documentOf({ manifests, objects }, to, generation, grant.carriedToken, protection);
  const headers = { ...revisable(viewed, ttlSeconds) };
  if (to.kind !== 'mpd' || !protection) {
    await sendDocument(exchange, document, headers);
    return;
  }
  // It may name the host that was asked: that is not for everybody.
  const { keep: _, ...once } = exchange;
  await sendDocument(once, document, headers);
  exchange.sentBytes = once.sentBytes;
}

function documentOf(
  { manifests, objects }: Pick<ManifestDependencies, 'manifests' | 'objects'>,
  to: ManifestPath,
  generation: PlayableGeneration,
  token: string | undefined,
  protection: ManifestProtection | undefined,
): Document | Promise<Document> {
  switch (to.kind) {
    case 'master':
      return manifests.master(generation, token, protection);
    case 'mpd':
      if (protection?.isHlsOnly) throw notInDash();
      return manifests.mpd(generation, token, protection);
    case 'media':
      return manifests.media(generation, trackOf(generation, to.track), token, protection);
    case 'iframes': {
      if (generation.presentation.iframes?.track !== to.track) throw iframesNotFound();
      const ranges = () => storedRanges(objects, generation, to.track);
      return manifests.iframes(generation, trackOf(generation, to.track), ranges, token);
    }
  }
}

async function storedRanges(
  objects: Pick<MediaObjects, 'read'>,
  { assetId, id }: PlayableGeneration,
  track: string,
): Promise<readonly ByteRange[]> {
  const key = `media/${assetId}/${id}/${track}/iframes.json`;
  const { bytes } = await objects.read(key).catch((error: unknown) => {
    throw isKerkisError(error) && error.kind === 'not_found' ? iframesNotFound() : error;
  });
  const ranges = bytes && iframeRanges(bytes);
  if (!ranges) throw iframesNotFound();
  return ranges;
}

function notInDash(): KerkisError {
  return new KerkisError(
    'not_found',
    'MANIFEST_NOT_OFFERED',
    'This is encrypted by AES-128, which DASH does not have. Play master.m3u8.',
  );
}

function iframesNotFound(): KerkisError {
  return new KerkisError(
    'not_found',
    'IFRAMES_NOT_FOUND',
    'There is no index of single pictures of this track, or not yet.',
  );
}
