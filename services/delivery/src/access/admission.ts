import type { BlockList } from 'node:net';
import { PlaybackPolicy } from '@kerkis/contracts/catalog';
import { KerkisError } from '@kerkis/errors';
import { checkPlaybackToken, type PlaybackClaims, type VerifiedToken } from '@kerkis/tokens';
import { type Grant, openGrant } from '../domain/grant.ts';
import type { Playback } from '../domain/playback.ts';
import { type Asking, presentedToken } from './presented-token.ts';
import type { Verdicts } from './verdicts.ts';
import { addressSet, isAmong, isReferredBy, viewerAddress } from './viewer.ts';

/**
 * Lets a request in to a playback ID and says what it may see, or throws `forbidden`: PLAYBACK_TOKEN_REQUIRED, what the token fails at,
 * PLAYBACK_ADDRESS_REFUSED, PLAYBACK_REFERRER_REFUSED. Answers at once for tokens that are known.
 */
export type Admit = (
  playback: Pick<Playback, 'playbackId' | 'policy'>,
  asking: Asking,
) => Grant | Promise<Grant>;

/** What admission stands on. */
export interface AdmissionOptions {
  readonly verdicts: Verdicts;
  readonly clockSkewSeconds: number;
  /** Addresses and ranges of proxies whose `X-Forwarded-For` counts. */
  readonly trustedProxies: readonly string[];
  /** Host of the edge's own pages besides the one that a request names. */
  readonly ownHost: string | undefined;
}

export function createAdmission(options: AdmissionOptions): Admit {
  const { verdicts, clockSkewSeconds } = options;
  const trusted = addressSet(options.trustedProxies);
  const ranges = new WeakMap<PlaybackClaims, BlockList>();

  function assertViewer(claims: PlaybackClaims, req: Asking['req']): void {
    const { addressRanges, referrers } = claims;
    if (addressRanges) {
      const allowed = ranges.get(claims) ?? addressSet(addressRanges);
      ranges.set(claims, allowed);
      if (!isAmong(allowed, viewerAddress(req, trusted))) {
        throw refused('PLAYBACK_ADDRESS_REFUSED', 'This token is for viewers at other addresses.');
      }
    }
    // What the edge's own player page asks for: that page itself was checked.
    if (referrers && !isReferredBy(req, [...referrers, ...ownHosts(req)])) {
      throw refused('PLAYBACK_REFERRER_REFUSED', 'This token is for players on other pages.');
    }
  }

  function ownHosts({ headers }: Asking['req']): string[] {
    const asked = URL.parse(`http://${headers.host ?? headers[':authority'] ?? ''}`)?.hostname;
    return [asked, options.ownHost].filter((host) => host !== undefined);
  }

  return (playback, asking) => {
    const { policy, playbackId } = playback;
    if (policy === PlaybackPolicy.PUBLIC || policy === PlaybackPolicy.UNSPECIFIED) return openGrant;
    const presented = presentedToken(asking);
    if (!presented) {
      throw refused('PLAYBACK_TOKEN_REQUIRED', 'This playback ID is for holders of a signed token.');
    }
    const admitted = (verified: VerifiedToken): Grant => {
      checkPlaybackToken(verified, { playbackId, nowMs: Date.now(), clockSkewSeconds });
      assertViewer(verified.claims, asking.req);
      return grantOf(verified.claims, presented.isCarried ? presented.token : undefined);
    };
    const verdict = verdicts.verify(presented.token);
    return verdict instanceof Promise ? verdict.then(admitted) : admitted(verdict);
  };
}

function grantOf({ maxHeight, previewSeconds }: PlaybackClaims, carriedToken: string | undefined): Grant {
  return {
    isPrivate: true,
    ...(maxHeight !== undefined && { maxHeight }),
    ...(previewSeconds !== undefined && { previewMs: Math.ceil(previewSeconds * 1000) }),
    ...(carriedToken !== undefined && { carriedToken }),
  };
}

type Refusal = 'PLAYBACK_TOKEN_REQUIRED' | 'PLAYBACK_ADDRESS_REFUSED' | 'PLAYBACK_REFERRER_REFUSED';

function refused(reason: Refusal, message: string): KerkisError {
  return new KerkisError('forbidden', reason, message);
}
