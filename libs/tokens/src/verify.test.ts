import { createHmac, createPrivateKey, sign as signBytes } from 'node:crypto';
import { isKerkisError } from '@kerkis/errors';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  checkPlaybackToken,
  createKeyPair,
  type KeyPair,
  readPublicKey,
  type SigningAlgorithm,
  type SignOptions,
  signPlaybackToken,
  type VerifyingKey,
  verifyPlaybackToken,
} from './index.ts';

const algorithms: readonly SigningAlgorithm[] = ['EdDSA', 'ES256'];
const playbackId = `pbk_${'0123456789abcdef'.repeat(2)}`;
const nowMs = Date.now();

const pairs = new Map<SigningAlgorithm, KeyPair>();
const known = new Map<string, VerifyingKey>();

beforeAll(async () => {
  for (const algorithm of algorithms) {
    const pair = await createKeyPair(algorithm);
    pairs.set(algorithm, pair);
    known.set(pair.id, await readPublicKey(pair.publicKeyPem));
  }
});

function pairOf(algorithm: SigningAlgorithm): KeyPair {
  const pair = pairs.get(algorithm);
  if (!pair) throw new Error('no pair');
  return pair;
}

const token = (algorithm: SigningAlgorithm, more: Partial<SignOptions> = {}) =>
  signPlaybackToken({
    privateKey: pairOf(algorithm).privateKeyPem,
    playbackId,
    expiresInSeconds: 60,
    ...more,
  });

const verify = (text: string) =>
  verifyPlaybackToken(text, { findKey: (id) => known.get(id), audience: 'kerkis' });

const reasonOf = (error: unknown) => (isKerkisError(error) ? `${error.kind} ${error.reason}` : error);
const refusal = (text: string) => verify(text).then(() => 'accepted', reasonOf);
const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const good = { sub: playbackId, aud: 'kerkis', exp: Math.ceil(nowMs / 1000) + 60 };

/** A token put together by hand, its signature made by `make` over header and payload. */
function forged(header: object, payload: object, make: (input: string) => Buffer): string {
  const input = `${encoded(header)}.${encoded(payload)}`;
  return `${input}.${make(input).toString('base64url')}`;
}

const signedBy = (algorithm: SigningAlgorithm) => (input: string) => {
  const key = createPrivateKey(pairOf(algorithm).privateKeyPem);
  if (algorithm === 'EdDSA') return signBytes(null, Buffer.from(input), key);
  return signBytes('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
};

describe.each(algorithms)('%s', (algorithm) => {
  const other = algorithm === 'EdDSA' ? 'ES256' : 'EdDSA';
  const header = () => ({ alg: algorithm, kid: pairOf(algorithm).id });

  test('a signed token verifies, with everything it allows', async () => {
    const allowed = {
      addressRanges: ['192.0.2.0/24', '2001:db8::1'],
      referrers: ['example.com', '*.example.org'],
      maxHeight: 720,
      previewSeconds: 12.5,
    };
    const { key, claims } = await verify(await token(algorithm, { ...allowed, notBefore: new Date(nowMs) }));
    expect(key.id).toBe(pairOf(algorithm).id);
    expect(claims).toMatchObject({ playbackId, audiences: ['kerkis'], ...allowed });
    expect(claims.expiresAtSeconds).toBe(Math.floor(nowMs / 1000) + 60);
  });

  test('a token made without this lib verifies too', async () => {
    expect(await refusal(forged(header(), good, signedBy(algorithm)))).toBe('accepted');
  });

  test('no signature and HMAC with the public key are refused', async () => {
    const { publicKeyPem, id } = pairOf(algorithm);
    const hmac = (input: string) => createHmac('sha256', publicKeyPem).update(input).digest();
    for (const alg of ['none', 'None', 'HS256', '', undefined]) {
      expect(await refusal(forged({ alg, kid: id }, good, hmac))).toBe('forbidden PLAYBACK_TOKEN_INVALID');
    }
    const unsigned = `${encoded({ alg: 'none', kid: id })}.${encoded(good)}.`;
    expect(await refusal(unsigned)).toBe('forbidden PLAYBACK_TOKEN_INVALID');
  });

  test('another algorithm than that of the key is refused, however it is signed', async () => {
    const kid = pairOf(algorithm).id;
    for (const signer of algorithms) {
      const swapped = forged({ alg: other, kid }, good, signedBy(signer));
      expect(await refusal(swapped)).toBe('forbidden PLAYBACK_TOKEN_INVALID');
    }
  });

  test('the key of another is refused', async () => {
    const stranger = await createKeyPair(algorithm);
    const unknown = await token(algorithm, { privateKey: stranger.privateKeyPem });
    expect(await refusal(unknown)).toBe('forbidden PLAYBACK_TOKEN_KEY_UNKNOWN');
    const borrowed = await token(algorithm, {
      privateKey: stranger.privateKeyPem,
      keyId: pairOf(algorithm).id,
    });
    expect(await refusal(borrowed)).toBe('forbidden PLAYBACK_TOKEN_INVALID');
  });

  test('key in the token, extensions and unencoded payloads are refused', async () => {
    const { alg, kid } = header();
    for (const odd of [
      { alg },
      { alg, kid: 7 },
      { alg, kid, crit: ['b64'], b64: false },
      { alg, kid, crit: ['x'] },
    ]) {
      expect(await refusal(forged(odd, good, signedBy(algorithm)))).toBe('forbidden PLAYBACK_TOKEN_INVALID');
    }
  });

  test.each([
    [{ aud: 'other' }, 'OTHER_AUDIENCE'],
    [{ aud: undefined }, 'INVALID'],
    [{ sub: undefined }, 'INVALID'],
    [{ exp: undefined }, 'INVALID'],
    [{ exp: 'tomorrow' }, 'INVALID'],
    [{ nbf: 'now' }, 'INVALID'],
    [{ ip: [] }, 'INVALID'],
    [{ ip: ['192.0.2.0/33'] }, 'INVALID'],
    [{ ref: ['https://example.com/'] }, 'INVALID'],
    [{ max_height: 0 }, 'INVALID'],
    [{ max_height: '720' }, 'INVALID'],
    [{ preview: -1 }, 'INVALID'],
  ])('claims %j', async (change, why) => {
    const text = forged(header(), { ...good, ...change }, signedBy(algorithm));
    expect(await refusal(text)).toBe(`forbidden PLAYBACK_TOKEN_${why}`);
  });

  test('an audience among several counts', async () => {
    const text = forged(header(), { ...good, aud: ['cdn', 'kerkis'] }, signedBy(algorithm));
    expect(await refusal(text)).toBe('accepted');
  });

  test('whatever is cut off or changed in a token is refused', async () => {
    const text = await token(algorithm);
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: text.length - 1 }), fc.string({ maxLength: 3 }), async (at, put) => {
        const changed = text.slice(0, at) + put + text.slice(at + 1);
        // The last character of 64 bytes in base64url has bits that mean nothing.
        fc.pre(changed !== text && at < text.length - 1);
        expect(await refusal(changed)).toMatch(/^forbidden PLAYBACK_TOKEN_(INVALID|KEY_UNKNOWN)$/);
        expect(await refusal(text.slice(0, at))).toBe('forbidden PLAYBACK_TOKEN_INVALID');
      }),
      { numRuns: 150 },
    );
  });
});

describe('checkPlaybackToken', () => {
  const claims = { playbackId, audiences: ['kerkis'], expiresAtSeconds: 1000, notBeforeSeconds: 500 };
  const check = (seconds: number, id = playbackId) => {
    try {
      checkPlaybackToken({ claims }, { playbackId: id, nowMs: seconds * 1000, clockSkewSeconds: 5 });
      return 'good';
    } catch (error) {
      return reasonOf(error);
    }
  };

  test('good from nbf to exp, with the skew of clocks', () => {
    expect([495, 500, 999, 1004].map((seconds) => check(seconds))).toEqual(['good', 'good', 'good', 'good']);
    expect(check(494)).toBe('forbidden PLAYBACK_TOKEN_NOT_YET_VALID');
    expect(check(1005)).toBe('forbidden PLAYBACK_TOKEN_EXPIRED');
  });

  test('for its playback ID only', () => {
    expect(check(600, `pbk_${'1'.repeat(32)}`)).toBe('forbidden PLAYBACK_TOKEN_OTHER_PLAYBACK');
  });
});
