import { isObjectKey } from '@kerkis/objects';
import { blockBytes } from '../cache/piece.ts';

/** Headers of a fill besides those of HTTP. */
export const proofHeader = 'x-kerkis-fill';
export const sizeHeader = 'x-kerkis-object-size';

const prefix = '/fill/';
/** Only media is served to viewers, so only media is given to edges: no sources. */
const servedPrefix = 'media/';

export function fillPath(key: string): string {
  return prefix + key;
}

/** The key that a path names; undefined for what is no fill. */
export function keyOfFill(path: string): string | undefined {
  if (!path.startsWith(prefix)) return undefined;
  const key = path.slice(prefix.length);
  return key.startsWith(servedPrefix) && isObjectKey(key) ? key : undefined;
}

/** The number of the block that a `Range` asks for. Undefined for what is not where a block begins. */
export function blockOfRange(range: string): number | undefined {
  const start = Number(/^bytes=(\d{1,15})-\d{1,15}$/.exec(range)?.[1] ?? Number.NaN);
  return start % blockBytes === 0 ? start / blockBytes : undefined;
}
