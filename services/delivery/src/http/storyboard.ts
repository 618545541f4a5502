import type { OpenView } from '../access/playbacks.ts';
import { revisable } from '../domain/caching.ts';
import type { ViewedPath } from '../domain/restricted-generation.ts';
import { storyboardNotFound } from '../domain/stored-file.ts';
import { sendDocument } from './document.ts';
import type { Exchange } from './exchange.ts';
import type { Manifests } from './manifests.ts';

/** What the handler needs. */
export interface StoryboardDependencies {
  readonly view: OpenView<Exchange>;
  readonly manifests: Pick<Manifests, 'storyboard'>;
  readonly ttlSeconds: number;
}

/** The index of the small pictures along the whole duration. `not_found` STORYBOARD_NOT_FOUND. */
export async function storyboard(
  { view, manifests, ttlSeconds }: StoryboardDependencies,
  to: Extract<ViewedPath, { readonly kind: 'storyboard' }>,
  exchange: Exchange,
): Promise<void> {
  const viewed = await view(to, exchange);
  const { generation, grant } = viewed;
  if (!generation.storyboard) throw storyboardNotFound();
  const document = manifests.storyboard(generation, generation.storyboard, grant.carriedToken);
  await sendDocument(exchange, document, { ...revisable(viewed, ttlSeconds) });
}
