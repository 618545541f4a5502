export { isAddressRange, isReferrer, type PlaybackClaims } from './claims.ts';
export { defaultAudience, type SignOptions, signPlaybackToken } from './sign.ts';
export {
  createKeyPair,
  type KeyPair,
  publicKeyPem,
  readPrivateKey,
  readPublicKey,
  type SigningAlgorithm,
  type SigningKey,
  type VerifyingKey,
} from './signing-key.ts';
export {
  checkPlaybackToken,
  maxTokenLength,
  type VerifiedToken,
  type VerifyOptions,
  verifyPlaybackToken,
} from './verify.ts';
