import type { CollectionSpec, OutboxEntry } from '../src/index.ts';

/** The document that the tests store. */
export interface Film {
  readonly id: string;
  readonly state?: string;
  readonly tags: readonly string[];
  readonly extra?: unknown;
}

export const filmSpec = {
  name: 'films',
  indexes: { state: (film) => film.state, tag: (film) => film.tags },
} satisfies CollectionSpec<Film>;

export function film(id: string, rest: Partial<Film> = {}): Film {
  return { id, tags: [], ...rest };
}

export function event(id: string): OutboxEntry {
  return {
    id,
    subject: 'kerkis.event.catalog.film.made',
    type: 'kerkis.catalog.events.v1.FilmMade',
    data: Buffer.from(id).toString('base64'),
    headers: { traceparent: '00-1-2-01', '$odd.name': '\\' },
  };
}

/** What a promise was rejected with. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('It should have failed.');
    },
    (error: unknown) => error,
  );
}
