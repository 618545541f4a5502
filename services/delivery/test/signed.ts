// A signed film on an edge, with the keys that the catalog tells.
import { PlaybackPolicy } from '@kerkis/contracts/catalog';
import { SigningKeyRevokedSchema } from '@kerkis/contracts/catalog/events';
import { announce } from '@kerkis/events';
import { createKeyPair, type KeyPair, type SignOptions, signPlaybackToken } from '@kerkis/tokens';
import { type Answer, type Edge, publish, reasonOf } from './edge-fixture.ts';

/** Makes a key that is good. */
export async function addKey(edge: Edge, algorithm: 'EdDSA' | 'ES256' = 'EdDSA'): Promise<KeyPair> {
  const pair = await createKeyPair(algorithm);
  edge.catalog.signingKeys.set(pair.id, pair.publicKeyPem);
  return pair;
}

/** Takes a key back; `silently`: the event of it is lost. */
export function revokeKey(edge: Edge, { id }: KeyPair, silently = false): void {
  edge.catalog.signingKeys.delete(id);
  const about = { subjectId: id, source: 'catalog' } as const;
  if (!silently) announce(edge.bus, SigningKeyRevokedSchema, { signingKey: { id } }, about);
}

/** Publishes a generation under a playback ID that needs tokens, and signs such. */
export function publishSigned(edge: Edge, generation: Parameters<typeof publish>[1], key: KeyPair) {
  const published = publish(edge, generation, { policy: PlaybackPolicy.SIGNED });
  const sign = (more: Partial<SignOptions> = {}) =>
    signPlaybackToken({
      privateKey: key.privateKeyPem,
      playbackId: published.playbackId,
      expiresInSeconds: 600,
      ...more,
    });
  return { ...published, sign };
}

/** Status, and the reason of a failure. */
export function outcomeOf(answer: Answer): string {
  return answer.status < 400 ? `${answer.status}` : `${answer.status} ${reasonOf(answer)}`;
}
