/** Bodies that wait for their readers. However many readers wait for a body, it is in memory once. */
export interface Unsent {
  hold(body: Buffer): void;
  release(body: Buffer): void;
  /** In memory for readers that do not keep up. */
  readonly sizeBytes: number;
}

export function createUnsent(): Unsent {
  const held = new Map<ArrayBufferLike, number>();
  let sizeBytes = 0;
  return {
    hold({ buffer }) {
      const readers = held.get(buffer) ?? 0;
      if (readers === 0) sizeBytes += buffer.byteLength;
      held.set(buffer, readers + 1);
    },
    release({ buffer }) {
      const readers = held.get(buffer) ?? 0;
      if (readers > 1) held.set(buffer, readers - 1);
      else if (held.delete(buffer)) sizeBytes -= buffer.byteLength;
    },
    get sizeBytes() {
      return sizeBytes;
    },
  };
}
