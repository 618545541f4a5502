/** Objects above this are kept by blocks, smaller ones as a whole. */
export const maxWholeBytes = 32 * 1024 * 1024;

/** Length of all blocks of an object but its last. */
export const blockBytes = 1024 * 1024;

/** A stored object: in memory, or too large for that as a whole. */
export interface MediaObject {
  readonly key: string;
  readonly sizeBytes: number;
  /** Strong and quoted, as HTTP wants it. */
  readonly etag: string;
  /** As an HTTP date. */
  readonly lastModified: string;
  readonly bytes?: Buffer;
}

/** What is kept as one: a whole object, what is known of one that is too large for that, or a block of such a one. */
export interface Piece extends MediaObject {
  /** The block's number, from 0. */
  readonly block?: number;
}

/** Names a piece. The block of an object that was replaced is not taken for one of the object that is there now. */
export function pieceName({ key, block, etag }: Pick<Piece, 'key' | 'block' | 'etag'>): string {
  return block === undefined ? key : `${key} ${block} ${etag}`;
}

/** The bytes of a block, both ends included. */
export function blockSpan(
  block: number,
  sizeBytes: number,
): { readonly start: number; readonly end: number } {
  const start = block * blockBytes;
  return { start, end: Math.min(start + blockBytes, sizeBytes) - 1 };
}

/** An etag as stores give it, as HTTP wants it. */
export function strongEtag(etag: string): string {
  return `"${etag.replaceAll(/[^\x21\x23-\x7e]/g, '')}"`;
}
