import type { IncomingHttpHeaders } from 'node:http';
import { KerkisError } from '@kerkis/errors';

/** What a viewer showed. */
export interface PresentedToken {
  readonly token: string;
  /** It came in the query: a player sends it with what it finds in a manifest only if the URLs there have it too. */
  readonly isCarried: boolean;
}

/** A request as far as it says who asks. */
export interface Asking {
  readonly query: URLSearchParams;
  readonly req: {
    readonly headers: IncomingHttpHeaders;
    readonly socket: { readonly remoteAddress?: string | undefined };
  };
}

const cookiePattern = /(?:^|;)[ \t]*kerkis_token="?([^;" \t]*)/;

/**
 * The token of a request: `?token=`, else `Authorization: Bearer`, else the cookie `kerkis_token`. `forbidden`
 * PLAYBACK_TOKEN_INVALID when there are two in the query.
 */
export function presentedToken({ query, req: { headers } }: Asking): PresentedToken | undefined {
  const [token, ...others] = query.getAll('token');
  if (others.length > 0) {
    throw new KerkisError('forbidden', 'PLAYBACK_TOKEN_INVALID', 'There is more than one playback token.');
  }
  if (token !== undefined) return { token, isCarried: true };
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  const other = bearer ?? cookiePattern.exec(headers.cookie ?? '')?.[1];
  return other === undefined ? undefined : { token: other, isCarried: false };
}
