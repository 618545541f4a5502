import { revisable } from '../domain/caching.ts';
import type { ManifestPath } from '../domain/edge-path.ts';
import type { PlayableGeneration } from '../domain/playable-generation.ts';
import { restrictedGeneration } from '../domain/restricted-generation.ts';
import type { PlaybackBegan } from '../first-playback.ts';
import type { OpenView } from '../store/playbacks.ts';
import { type Document, sendDocument } from './document.ts';
import type { Exchange } from './exchange.ts';
import type { Manifests } from './manifests.ts';
import { trackOf } from './segment.ts';

/** What the handler needs. */
export interface ManifestDependencies {
  readonly view: OpenView<Exchange>;
  readonly manifests: Manifests;
  readonly ttlSeconds: number;
  readonly began: PlaybackBegan;
}

/** The multivariant playlist, the MPD, or the playlist of a track. */
export async function manifest(
  { view, manifests, ttlSeconds, began }: ManifestDependencies,
  to: ManifestPath,
  exchange: Exchange,
): Promise<void> {
  const viewed = await view(to, exchange);
  const { playing, grant } = viewed;
  if (to.kind !== 'media') began(playing);
  const generation = restrictedGeneration(viewed.generation, grant);
  const document = documentOf(manifests, to, generation, grant.carriedToken);
  await sendDocument(exchange, document, { 'cache-control': revisable(viewed, ttlSeconds) });
}

function documentOf(
  manifests: Manifests,
  to: ManifestPath,
  generation: PlayableGeneration,
  token: string | undefined,
): Document {
  if (to.kind === 'media') return manifests.media(generation, trackOf(generation, to.track), token);
  return to.kind === 'master' ? manifests.master(generation, token) : manifests.mpd(generation, token);
}
