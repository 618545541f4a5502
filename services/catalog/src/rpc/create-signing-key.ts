import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import {
  type CreateSigningKeyRequest,
  type CreateSigningKeyResponseSchema,
  SigningAlgorithm,
  SigningKeySchema,
} from '@kerkis/contracts/catalog';
import { createKeyPair, publicKeyPem, readPublicKey } from '@kerkis/tokens';
import { signingKeyCreated } from '../events.ts';
import type { SigningKeyStore } from '../store/signing-keys.ts';

const { EDDSA, ES256 } = SigningAlgorithm;

export async function createSigningKey(
  keys: Pick<SigningKeyStore, 'addKey'>,
  request: CreateSigningKeyRequest,
): Promise<MessageInitShape<typeof CreateSigningKeyResponseSchema>> {
  const { privateKey, ...known } = request.publicKey
    ? await broughtKey(request.publicKey)
    : await newKey(request.algorithm);
  const key = create(SigningKeySchema, {
    ...known,
    name: request.name,
    createTime: timestampFromDate(new Date()),
  });
  return { signingKey: await keys.addKey(key, [signingKeyCreated(key)]), privateKey };
}

async function broughtKey(pem: string) {
  const key = await readPublicKey(pem);
  const algorithm = key.algorithm === 'ES256' ? ES256 : EDDSA;
  return { id: key.id, algorithm, publicKey: publicKeyPem(key), privateKey: '' };
}

async function newKey(wanted: SigningAlgorithm) {
  const algorithm = wanted === ES256 ? ES256 : EDDSA;
  const pair = await createKeyPair(algorithm === ES256 ? 'ES256' : 'EdDSA');
  return { id: pair.id, algorithm, publicKey: pair.publicKeyPem, privateKey: pair.privateKeyPem };
}
