/**
 * Playback URLs stay when an asset is encoded again, so manifests name the generation in the query of their URLs (`?g=…`):
 * without it a cache could mix segments of two generations. The token is the id's 128 bits as 22 characters of base64url.
 */
export function generationToken(generationId: string): string {
  return Buffer.from(generationId.slice('gen_'.length), 'hex').toString('base64url');
}

/** The generation id of a token, undefined for what no generation has. */
export function generationOfToken(token: string): string | undefined {
  if (!/^[A-Za-z0-9_-]{22}$/.test(token)) return undefined;
  const bytes = Buffer.from(token, 'base64url');
  // The last character has four bits to spare: only one spelling is a token.
  return bytes.toString('base64url') === token ? `gen_${bytes.toString('hex')}` : undefined;
}
