import { createHash } from 'node:crypto';
import { KerkisError } from '@kerkis/errors';

/** A place in an ordered find: the key and id of the last document returned. */
export interface PagePosition {
  readonly key: string;
  readonly id: string;
}

const maxTokenLength = 8192;

/** An opaque, URL-safe token for a position in one query. `query` is whatever tells queries apart. */
export function encodePageToken(query: string, { key, id }: PagePosition): string {
  return Buffer.from(JSON.stringify([key, id, checksum(query, key, id)])).toString('base64url');
}

/** The position in a token. Throws `invalid` PAGE_TOKEN_INVALID unless it was made for this very query. */
export function decodePageToken(query: string, token: string): PagePosition {
  const position = parse(token);
  if (position === undefined || position.sum !== checksum(query, position.key, position.id)) {
    throw new KerkisError(
      'invalid',
      'PAGE_TOKEN_INVALID',
      'The page token is damaged or belongs to another query. Start again without a page token.',
    );
  }
  return position;
}

function parse(token: string): (PagePosition & { sum: string }) | undefined {
  if (token.length > maxTokenLength) return undefined;
  const bytes = Buffer.from(token, 'base64url');
  if (bytes.toString('base64url') !== token) return undefined;
  try {
    const value: unknown = JSON.parse(bytes.toString());
    if (!Array.isArray(value) || value.length !== 3) return undefined;
    const [key, id, sum]: unknown[] = value;
    if (typeof key !== 'string' || typeof id !== 'string' || typeof sum !== 'string') return undefined;
    return key.isWellFormed() && id.isWellFormed() ? { key, id, sum } : undefined;
  } catch {
    return undefined;
  }
}

/** Not a secret: a token grants nothing, the sum only finds damage and mixed-up queries. */
function checksum(query: string, key: string, id: string): string {
  return createHash('sha256')
    .update(JSON.stringify([query, key, id]))
    .digest('base64url')
    .slice(0, 16);
}
