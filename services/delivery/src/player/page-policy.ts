import { randomBytes } from 'node:crypto';

/** What the policy of a page depends on. */
export interface PagePolicyOptions {
  /** URL of the playback ID without a slash at the end: `/v/<playbackId>`, or absolute where media is on another host. */
  readonly base: string;
  /** Fresh for every response, from `playerNonce`; the same for the page and its policy. */
  readonly nonce: string;
  /** Origins of the pages that may embed it, `*` for all. None: only pages of its own origin. */
  readonly embedOrigins: readonly string[];
}

const noncePattern = /^[A-Za-z0-9+/_-]{16,}={0,2}$/;
const embedOriginPattern = /^(?:\*|https?:\/\/(?:\*\.)?[\w.-]+(?::\d{1,5})?)$/;

/** 128 random bits for `nonce`. */
export function playerNonce(): string {
  return randomBytes(16).toString('base64url');
}

/** The nonce itself. Throws RangeError for what could leave an attribute or a policy. */
export function checkedNonce(nonce: string): string {
  if (!noncePattern.test(nonce)) throw new RangeError('nonce must be at least 16 characters of base64.');
  return nonce;
}

/** Sources of media in a policy. Throws RangeError for a base that is neither an absolute path nor an http(s) URL. */
export function mediaSources(base: string): string {
  if (/^\/(?![/\\])/.test(base)) return "'self'";
  const url = URL.parse(base);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new RangeError(`base must be an absolute path or an http(s) URL, not ${JSON.stringify(base)}.`);
  }
  return `'self' ${url.origin}`;
}

/** The directive that says who may embed a page. Throws RangeError for what is no origin. */
export function frameAncestors(embedOrigins: readonly string[]): string {
  const odd = embedOrigins.find((origin) => !embedOriginPattern.test(origin));
  if (odd !== undefined) throw new RangeError(`${JSON.stringify(odd)} is no origin that may embed a page.`);
  if (embedOrigins.includes('*')) return 'frame-ancestors *';
  return ["frame-ancestors 'self'", ...embedOrigins].join(' ');
}

/**
 * The `content-security-policy` of the player page: nothing but our own scripts and styles, media from one origin and the buffers that
 * players make of it.
 */
export function playerPolicy({ base, nonce, embedOrigins }: PagePolicyOptions): string {
  const media = mediaSources(base);
  return [
    "default-src 'none'",
    `script-src 'nonce-${checkedNonce(nonce)}'`,
    // The controls put styles into their shadow roots, with the nonce.
    `style-src 'self' 'nonce-${nonce}'`,
    `img-src ${media}`,
    // hls.js begins a text track with an empty file in a data URL.
    `media-src ${media} blob: data:`,
    `connect-src ${media}`,
    "base-uri 'none'",
    "form-action 'none'",
    frameAncestors(embedOrigins),
  ].join('; ');
}
