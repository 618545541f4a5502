import { generateKeyPairSync } from 'node:crypto';
import { isKerkisError } from '@kerkis/errors';
import { describe, expect, test } from 'vitest';
import { createKeyPair, publicKeyPem, readPrivateKey, readPublicKey, signPlaybackToken } from './index.ts';

const refusal = (work: Promise<unknown>) =>
  work.then(
    () => 'accepted',
    (error: unknown) => (isKerkisError(error) ? `${error.kind} ${error.reason}` : error),
  );

describe.each(['EdDSA', 'ES256'] as const)('%s', (algorithm) => {
  test('both halves of a pair have its id', async () => {
    const pair = await createKeyPair(algorithm);
    const verifying = await readPublicKey(pair.publicKeyPem);
    const signing = await readPrivateKey(pair.privateKeyPem);
    expect(pair.id).toMatch(/^key_[0-9a-f]{32}$/);
    expect([verifying.id, signing.id]).toEqual([pair.id, pair.id]);
    expect([verifying.algorithm, signing.algorithm]).toEqual([algorithm, algorithm]);
    expect(publicKeyPem(verifying)).toBe(pair.publicKeyPem);
    expect((await createKeyPair(algorithm)).id).not.toBe(pair.id);
  });
});

test('the id is the thumbprint of RFC 7638', async () => {
  // The key and the thumbprint of RFC 8037, appendix A.1 to A.3.
  const x = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo';
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(x, 'base64url')]);
  const pem = `-----BEGIN PUBLIC KEY-----\n${der.toString('base64')}\n-----END PUBLIC KEY-----\n`;
  const thumbprint = Buffer.from('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k', 'base64url');
  expect((await readPublicKey(pem)).id).toBe(`key_${thumbprint.subarray(0, 16).toString('hex')}`);
});

test('what is no such public key is refused, a private one above all', async () => {
  const { privateKeyPem, publicKeyPem: pem } = await createKeyPair('EdDSA');
  const spki = { type: 'spki', format: 'pem' } as const;
  const pkcs8 = { type: 'pkcs8', format: 'pem' } as const;
  const rsa = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: spki,
    privateKeyEncoding: pkcs8,
  });
  const p384 = generateKeyPairSync('ec', {
    namedCurve: 'P-384',
    publicKeyEncoding: spki,
    privateKeyEncoding: pkcs8,
  });
  const texts = [
    '',
    'key',
    privateKeyPem,
    rsa.publicKey,
    p384.publicKey,
    pem.slice(0, -40),
    pem.padEnd(5000),
  ];
  for (const text of texts) {
    expect(await refusal(readPublicKey(text)), text).toBe('invalid SIGNING_KEY_INVALID');
  }
  for (const text of ['', pem, rsa.privateKey, p384.privateKey]) {
    expect(await refusal(readPrivateKey(text)), text).toBe('invalid SIGNING_KEY_INVALID');
  }
});

test('a token that no edge would take is not signed', async () => {
  const { privateKeyPem: privateKey } = await createKeyPair('EdDSA');
  const playbackId = `pbk_${'a'.repeat(32)}`;
  const sign = (more: object) =>
    refusal(signPlaybackToken({ privateKey, playbackId, expiresInSeconds: 60, ...more }));
  expect(await sign({})).toBe('accepted');
  const wrong = [
    { playbackId: 'ast_1' },
    { expiresInSeconds: 0 },
    { expiresInSeconds: Number.NaN },
    { addressRanges: ['everywhere'] },
    { referrers: [] },
    { maxHeight: 72.5 },
    { previewSeconds: 0 },
  ];
  for (const more of wrong)
    expect(await sign(more), JSON.stringify(more)).toBe('invalid PLAYBACK_CLAIMS_INVALID');
});
