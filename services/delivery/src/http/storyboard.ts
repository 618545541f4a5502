import { revisable } from '../domain/caching.ts';
import { storyboardNotFound } from '../domain/stored-file.ts';
import type { OpenView } from '../store/playbacks.ts';
import { sendDocument } from './document.ts';
import type { Exchange } from './exchange.ts';
import type { Manifests } from './manifests.ts';

/** What the handler needs. */
export interface StoryboardDependencies {
  readonly view: OpenView;
  readonly manifests: Pick<Manifests, 'storyboard'>;
  readonly ttlSeconds: number;
}

/** The index of the small pictures along the whole duration. `not_found` STORYBOARD_NOT_FOUND. */
export async function storyboard(
  { view, manifests, ttlSeconds }: StoryboardDependencies,
  { playbackId }: { readonly playbackId: string },
  exchange: Exchange,
): Promise<void> {
  const { generation } = await view(playbackId, exchange.query.get('g'));
  if (!generation.storyboard) throw storyboardNotFound();
  const document = manifests.storyboard(generation, generation.storyboard);
  await sendDocument(exchange, document, { 'cache-control': revisable(generation, ttlSeconds) });
}
