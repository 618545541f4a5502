import type { TierCounts } from './counts.ts';
import { type Piece, pieceName } from './piece.ts';
import { createS3Fifo } from './s3-fifo.ts';

/** What was read lately, in memory. */
export interface RamCache {
  /** The piece of that name. `uses`: whether this counts as a use, by default yes. */
  get(name: string, uses?: boolean): Piece | undefined;
  has(name: string): boolean;
  /** The piece of that name if its bytes are there too. Not counted as a miss: who gets none looks again. */
  peek(name: string, uses?: boolean): Piece | undefined;
  set(piece: Piece): void;
  drop(name: string): void;
  /** Calls `told` when the piece is used next, once. */
  onUse(name: string, told: () => void): void;
  /** Drops all pieces whose keys begin with one of these, each of the form `media/<asset>`. */
  forget(assetPrefixes: readonly string[]): void;
  /** Whether it keeps anything at all. */
  readonly keeps: boolean;
  readonly sizeBytes: number;
}

/** Its bound, and who hears of it. */
export interface RamCacheOptions {
  /** 0 keeps nothing. */
  readonly capacityBytes: number;
  readonly counts: TierCounts;
  /** Told of every eighth use of a piece: what is answered from here is not to look forgotten elsewhere. */
  readonly onUsed?: ((name: string) => void) | undefined;
}

interface RamEntry {
  readonly piece: Piece;
  onUse: (() => void) | undefined;
  uses: number;
}

/** What an entry costs besides its bytes. */
const overheadBytes = 1024;

export function createRamCache({ capacityBytes, counts, onUsed }: RamCacheOptions): RamCache {
  const entries = createS3Fifo<RamEntry>({
    capacityBytes,
    onEvicted: () => {
      counts.evictions += 1;
    },
  });
  function used(entry: RamEntry): Piece {
    entry.uses += 1;
    if (onUsed && entry.uses % 8 === 1) onUsed(pieceName(entry.piece));
    counts.hits += 1;
    counts.bytes += entry.piece.bytes?.byteLength ?? 0;
    const { onUse } = entry;
    if (onUse) {
      entry.onUse = undefined;
      onUse();
    }
    return entry.piece;
  }

  return {
    get(name, uses = true) {
      const entry = uses ? entries.get(name) : entries.peek(name);
      if (entry) return used(entry);
      counts.misses += 1;
      return undefined;
    },
    peek(name, uses = true) {
      const entry = uses ? entries.get(name) : entries.peek(name);
      if (!entry?.piece.bytes) return undefined;
      return uses ? used(entry) : entry.piece;
    },
    has: (name) => entries.peek(name) !== undefined,
    set(piece) {
      const sizeBytes = (piece.bytes?.byteLength ?? 0) + overheadBytes;
      entries.set(pieceName(piece), { piece, onUse: undefined, uses: 0 }, sizeBytes);
    },
    drop: (name) => void entries.delete(name),
    onUse(name, told) {
      const entry = entries.peek(name);
      if (entry) entry.onUse = told;
    },
    forget(assetPrefixes) {
      const gone = new Set(assetPrefixes);
      for (const [name] of entries.entries()) {
        if (gone.has(name.split('/', 2).join('/'))) entries.delete(name);
      }
    },
    keeps: capacityBytes > 0,
    get sizeBytes() {
      return entries.sizeBytes;
    },
  };
}
