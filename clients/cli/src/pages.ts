const maxPageSize = 200;

/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

/** The first `limit` items of a list, page by page. */
export async function* takePages<T>(
  limit: number,
  read: (pageSize: number, pageToken: string) => Promise<Page<T>>,
): AsyncGenerator<T, void> {
  let pageToken = '';
  for (let left = limit; left > 0; ) {
    const { items, nextPageToken } = await read(Math.min(left, maxPageSize), pageToken);
    yield* items.slice(0, left);
    left -= items.length;
    if (nextPageToken === '') return;
    pageToken = nextPageToken;
  }
}
