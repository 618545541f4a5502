import type { CanonicalRequest } from './canonical-request.ts';

/** A request that may be answered at once. */
export interface FastRequest extends CanonicalRequest {
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/** An answer from memory. */
export interface FastAnswer {
  /**
   * Status line and fields, each with its CRLF, without `date`, `connection` and `keep-alive`. In the answer to a HEAD request and in a 304
   * without a `content-length` nothing follows it.
   */
  readonly head: string;
  /** Exactly as long as the `content-length` says. Not copied: it must not change. */
  readonly body?: Buffer | undefined;
  /** The same as text in which each character is a byte: the quickest way for a short body. */
  readonly text?: string | undefined;
}

/**
 * Answers a request from memory, or gives undefined: then the ordinary handlers get the same request. It must not throw, and nothing
 * may have happened that would be wrong when the request comes again.
 */
export type FastHandler = (request: FastRequest) => FastAnswer | undefined;
