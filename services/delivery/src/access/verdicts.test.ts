import { createKeyPair, readPublicKey, signPlaybackToken, type VerifyingKey } from '@kerkis/tokens';
import { expect, test } from 'vitest';
import { createVerdicts } from './verdicts.ts';

const playbackId = `pbk_${'ab'.repeat(16)}`;

async function fixture() {
  const pair = await createKeyPair('EdDSA');
  const known = new Map<string, VerifyingKey>([[pair.id, await readPublicKey(pair.publicKeyPem)]]);
  const looks: string[] = [];
  const finds: string[] = [];
  const verdicts = createVerdicts({
    keys: {
      find: async (id) => {
        finds.push(id);
        return known.get(id);
      },
      isGood: (key) => known.get(key.id) === key,
    },
    audience: 'kerkis',
    observe: (result) => looks.push(result),
  });
  const sign = (more = {}) =>
    signPlaybackToken({ privateKey: pair.privateKeyPem, playbackId, expiresInSeconds: 60, ...more });
  const verify = async (token: string) => verdicts.verify(token);
  return { pair, known, looks, finds, verdicts, sign, verify };
}

test('a token is verified once, however many ask, and answered at once from then on', async () => {
  const { verdicts, finds, looks, sign, verify } = await fixture();
  const token = await sign();
  const crowd = await Promise.all(Array.from({ length: 50 }, () => verify(token)));
  expect([new Set(crowd).size, finds.length]).toEqual([1, 1]);
  expect(verdicts.verify(token)).toBe(crowd[0]);
  expect(looks).toEqual([...Array(50).fill('miss'), 'hit']);
});

test('a verdict ends with its key, and a key that is good again is looked at anew', async () => {
  const { pair, known, verdicts, sign, verify } = await fixture();
  const token = await sign();
  await verify(token);
  known.delete(pair.id);
  await expect(verify(token)).rejects.toMatchObject({ reason: 'PLAYBACK_TOKEN_KEY_UNKNOWN' });
  known.set(pair.id, await readPublicKey(pair.publicKeyPem));
  await verify(token);
  expect(verdicts.verify(token)).not.toBeInstanceOf(Promise);
});

test('what never becomes good is remembered too', async () => {
  const { finds, sign, verify } = await fixture();
  for (const token of [
    `${(await sign()).slice(0, -5)}AAAAA`,
    await sign({ audience: 'other' }),
    'nonsense',
  ]) {
    finds.length = 0;
    for (let times = 0; times < 3; times++) {
      await expect(verify(token)).rejects.toMatchObject({ kind: 'forbidden' });
    }
    expect(finds.length, token).toBeLessThan(2);
  }
});
