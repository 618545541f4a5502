import { setTimeout as sleep } from 'node:timers/promises';
import { isKerkisError, KerkisError } from '@kerkis/errors';
import type { Change, Collection, Versioned } from './collection.ts';

const maxAttempts = 20;
const maxDelayMs = 200;

/** Read, change, conditional replace; again with a growing random pause while others change it in between. */
export async function updateDocument<T extends { readonly id: string }>(
  collection: Pick<Collection<T>, 'get' | 'replace'>,
  id: string,
  change: (doc: T) => Change<T> | undefined,
): Promise<Versioned<T> | undefined> {
  for (let attempt = 1; ; attempt++) {
    const current = await collection.get(id);
    if (current === undefined) return undefined;
    const changed = change(current.doc);
    if (changed === undefined) return current;
    if (changed.doc.id !== id) {
      throw new KerkisError('internal', 'DOCUMENT_ID_CHANGED', `An update of ${id} must not change its id.`);
    }
    try {
      return await collection.replace({ doc: changed.doc, version: current.version }, changed.outbox);
    } catch (error) {
      const conflict = isKerkisError(error) && error.reason === 'VERSION_CONFLICT';
      if (!conflict || attempt === maxAttempts) throw error;
      await sleep(Math.random() * Math.min(maxDelayMs, 2 ** attempt));
    }
  }
}
