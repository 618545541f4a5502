import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { KerkisError } from '@kerkis/errors';
import { calculateJwkThumbprint, type JWK } from 'jose';

/** How tokens are signed: Ed25519, or ECDSA on P-256 with SHA-256. The key decides, never the token. */
export type SigningAlgorithm = 'EdDSA' | 'ES256';

/** What verifies tokens. */
export interface VerifyingKey {
  /** `key_…`, the `kid` of tokens: made of the public key alone (128 bits of its RFC 7638 thumbprint). */
  readonly id: string;
  readonly algorithm: SigningAlgorithm;
  readonly publicKey: KeyObject;
}

/** What signs tokens. */
export interface SigningKey {
  /** The same as that of its public key. */
  readonly id: string;
  readonly algorithm: SigningAlgorithm;
  readonly privateKey: KeyObject;
}

/** A new pair of keys. */
export interface KeyPair {
  readonly id: string;
  readonly algorithm: SigningAlgorithm;
  /** PKCS #8 in PEM. Who has it can sign. */
  readonly privateKeyPem: string;
  /** SubjectPublicKeyInfo in PEM. */
  readonly publicKeyPem: string;
}

const maxPemLength = 4096;

/** Reads a public key: SubjectPublicKeyInfo in PEM, Ed25519 or P-256. Throws `invalid` SIGNING_KEY_INVALID. */
export async function readPublicKey(pem: string): Promise<VerifyingKey> {
  // Node would make a public key of a private one as well, which should not have been sent at all.
  const publicKey = read(pem, /^\s*-----BEGIN PUBLIC KEY-----/, createPublicKey, 'public key');
  return { id: await keyIdOf(publicKey), algorithm: algorithmOf(publicKey), publicKey };
}

/** Reads a private key: PKCS #8 (or SEC 1) in PEM, Ed25519 or P-256. Throws `invalid` SIGNING_KEY_INVALID. */
export async function readPrivateKey(pem: string): Promise<SigningKey> {
  const form = /^\s*-----BEGIN (?:EC )?PRIVATE KEY-----/;
  const privateKey = read(pem, form, createPrivateKey, 'private key without a passphrase');
  const algorithm = algorithmOf(privateKey);
  return { id: await keyIdOf(createPublicKey(privateKey)), algorithm, privateKey };
}

/** The public key in PEM, spelled in one way whatever was read. */
export function publicKeyPem({ publicKey }: Pick<VerifyingKey, 'publicKey'>): string {
  return publicKey.export({ type: 'spki', format: 'pem' }).toString();
}

/** Makes a new pair. */
export async function createKeyPair(algorithm: SigningAlgorithm): Promise<KeyPair> {
  const { publicKey, privateKey } =
    algorithm === 'EdDSA'
      ? await promisify(generateKeyPair)('ed25519')
      : await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
  return {
    id: await keyIdOf(publicKey),
    algorithm,
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKeyPem: publicKeyPem({ publicKey }),
  };
}

function read(pem: string, form: RegExp, parse: (pem: string) => KeyObject, wanted: string): KeyObject {
  if (pem.length <= maxPemLength && form.test(pem)) {
    try {
      return parse(pem);
    } catch {
      // What OpenSSL says about it helps nobody.
    }
  }
  throw invalid(`This is no ${wanted} in PEM.`);
}

function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): SigningAlgorithm {
  if (asymmetricKeyType === 'ed25519') return 'EdDSA';
  if (asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1') return 'ES256';
  throw invalid(`Tokens are signed with Ed25519 or P-256, not with ${asymmetricKeyType ?? 'this'}.`);
}

async function keyIdOf(publicKey: KeyObject): Promise<string> {
  algorithmOf(publicKey);
  const thumbprint = await calculateJwkThumbprint(publicKey.export({ format: 'jwk' }) as JWK, 'sha256');
  return `key_${Buffer.from(thumbprint, 'base64url').subarray(0, 16).toString('hex')}`;
}

function invalid(message: string): KerkisError {
  return new KerkisError('invalid', 'SIGNING_KEY_INVALID', message);
}
