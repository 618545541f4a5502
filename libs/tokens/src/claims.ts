import { isIP } from 'node:net';
import type { JWTPayload } from 'jose';

/** What a playback token allows. */
export interface PlaybackClaims {
  /** `sub`: the playback ID, `pbk_…`. */
  readonly playbackId: string;
  /** `aud`: whom it is for. */
  readonly audiences: readonly string[];
  /** `exp`: seconds since 1970, from which on it is void. */
  readonly expiresAtSeconds: number;
  /** `nbf`: seconds since 1970, from which on it is good. Absent: at once. */
  readonly notBeforeSeconds?: number;
  /** `ip`: addresses and CIDR ranges of viewers, e.g. `192.0.2.0/24`. Absent: any. */
  readonly addressRanges?: readonly string[];
  /** `ref`: hosts of pages that may show it, e.g. `example.com`, `*.example.com`. Absent: any, and none at all. */
  readonly referrers?: readonly string[];
  /** `max_height`: the shorter side of the largest picture, pixels. Absent: any. */
  readonly maxHeight?: number;
  /** `preview`: how much from the beginning, seconds, fractions allowed. Absent: all of it. */
  readonly previewSeconds?: number;
}

const maxEntries = 64;
const hostPattern = /^(?:\*\.)?[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i;

/** Whether a text is an address or a CIDR range that `ip` may hold. */
export function isAddressRange(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0 || address.includes('%')) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/** Whether a text is a host that `ref` may hold. */
export function isReferrer(text: string): boolean {
  return text.length <= 253 && hostPattern.test(text);
}

/** The payload of a token, undefined when it lacks a claim or one is not what it should be: nothing is guessed. */
export function toClaims(payload: JWTPayload): PlaybackClaims | undefined {
  const { sub, exp, nbf, aud, ip, ref, max_height: maxHeight, preview } = payload as Record<string, unknown>;
  const audiences = texts(aud, () => true);
  const addressRanges = texts(ip, isAddressRange);
  const referrers = texts(ref, isReferrer);
  const isWhole =
    typeof sub === 'string' &&
    audiences !== undefined &&
    isTime(exp) &&
    (nbf === undefined || isTime(nbf)) &&
    (ip === undefined || addressRanges !== undefined) &&
    (ref === undefined || referrers !== undefined) &&
    (maxHeight === undefined || (isPositive(maxHeight) && Number.isInteger(maxHeight))) &&
    (preview === undefined || isPositive(preview));
  if (!isWhole) return undefined;
  return {
    playbackId: sub,
    audiences,
    expiresAtSeconds: exp,
    ...(nbf !== undefined && { notBeforeSeconds: nbf }),
    ...(addressRanges && { addressRanges }),
    ...(referrers && { referrers }),
    ...(maxHeight !== undefined && { maxHeight }),
    ...(preview !== undefined && { previewSeconds: preview }),
  };
}

/** The payload that holds the claims. */
export function toPayload(claims: PlaybackClaims): JWTPayload {
  const { audiences, notBeforeSeconds, addressRanges, referrers, maxHeight, previewSeconds } = claims;
  const [audience, ...others] = audiences;
  return {
    sub: claims.playbackId,
    aud: others.length === 0 && audience !== undefined ? audience : [...audiences],
    exp: claims.expiresAtSeconds,
    ...(notBeforeSeconds !== undefined && { nbf: notBeforeSeconds }),
    ...(addressRanges && { ip: addressRanges }),
    ...(referrers && { ref: referrers }),
    ...(maxHeight !== undefined && { max_height: maxHeight }),
    ...(previewSeconds !== undefined && { preview: previewSeconds }),
  };
}

/** One text or several, all of that form. */
function texts(claim: unknown, isForm: (text: string) => boolean): string[] | undefined {
  const list = typeof claim === 'string' ? [claim] : claim;
  if (!Array.isArray(list) || list.length === 0 || list.length > maxEntries) return undefined;
  return list.every((entry) => typeof entry === 'string' && isForm(entry)) ? list : undefined;
}

/** RFC 7519 allows fractions. The bound keeps milliseconds exact. */
function isTime(claim: unknown): claim is number {
  return typeof claim === 'number' && claim >= 0 && claim <= 1e11;
}

function isPositive(claim: unknown): claim is number {
  return typeof claim === 'number' && claim > 0 && claim <= 1e9;
}
