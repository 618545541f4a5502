import { Readable } from 'node:stream';
import { isKerkisError, KerkisError } from '@kerkis/errors';
import type { ByteRange } from '@kerkis/objects';
import { createAbsences } from '../cache/absences.ts';
import { openBlocks } from '../cache/blocks.ts';
import type { DiskCache } from '../cache/disk-cache.ts';
import type { Fetched, Origin, Wanted } from '../cache/origin.ts';
import { type MediaObject, type Piece, pieceName } from '../cache/piece.ts';
import type { RamCache } from '../cache/ram-cache.ts';
import type { Peers } from '../fill/peers.ts';
import { singleFlight } from '../store/single-flight.ts';

export type { MediaObject } from '../cache/piece.ts';

/** What is stored, through the caches of this edge and of the others. */
export interface MediaObjects {
  /** The object if it is in memory as a whole: at once, for those who have no time. `uses`: whether it counts as a use, by default yes. */
  peek(key: string, uses?: boolean): MediaObject | undefined;
  /**
   * However many ask for an object at a time, the store is read once. `isFresh`: what is known about its absence does not count.
   * `not_found` OBJECT_NOT_FOUND, `unavailable` STORAGE_UNAVAILABLE.
   */
  read(key: string, options?: { readonly isFresh?: boolean }): Promise<MediaObject>;
  /** The bytes of an object that is not in memory as a whole, one block at a time. */
  open(key: string, range: ByteRange, signal: AbortSignal): Promise<Readable>;
  /** A piece without asking another edge. Throws as `read`. */
  here(wanted: Wanted): Promise<Piece>;
  /** Takes an object into memory that is asked for soon, if there is one. `onUse` is called when it is. Never rejects. */
  ahead(key: string, onUse: () => void): Promise<void>;
  /** An object was stored: that it was not there does not count any more. */
  stored(key: string): void;
  /** An asset is deleted: soon nothing of it is kept. */
  forget(assetId: string): void;
}

/** The caches, nearest first, and the store. */
export interface MediaObjectsOptions {
  readonly ram: RamCache;
  readonly disk?: DiskCache | undefined;
  readonly peers?: Peers | undefined;
  readonly origin: Origin;
  /** Whether an object that was asked for was in memory. */
  readonly observe: (result: 'hit' | 'miss') => void;
}

/** All that is kept is looked through for deleted assets, so for several at a time. */
const sweepMs = 2_000;

export function createMediaObjects({ ram, disk, peers, origin, observe }: MediaObjectsOptions): MediaObjects {
  const absences = createAbsences();
  // Edges that take each other for the owner of a piece must not wait for each other: who is asked joins its own reads only.
  const own = singleFlight<Piece>();
  const shared = singleFlight<Piece>();

  function keep(pieces: Fetched): Piece {
    for (const piece of pieces) {
      ram.set(piece);
      disk?.put(piece);
    }
    absences.stored(pieces[0].key);
    return pieces[0];
  }

  async function fromDisk(name: string): Promise<Piece | undefined> {
    const piece = await disk?.get(name);
    if (piece) ram.set(piece);
    return piece;
  }

  function readHere(wanted: Wanted, name: string): Promise<Piece> {
    return own.join(flightName(wanted, name), async () => {
      const onDisk = await fromDisk(name);
      return onDisk ?? keep(await origin.fetch(wanted));
    });
  }

  function readAnywhere(wanted: Wanted, name: string): Promise<Piece> {
    const owner = peers?.ownerOf(name);
    if (!peers || !owner) return readHere(wanted, name);
    return shared.join(flightName(wanted, name), async () => {
      const onDisk = await fromDisk(name);
      if (onDisk) return onDisk;
      const filled = await peers.fetch(owner, wanted);
      return filled && isOf(filled[0], wanted) ? keep(filled) : await readHere(wanted, name);
    });
  }

  /** What is not in memory. */
  async function obtain(
    wanted: Wanted,
    name: string,
    readPiece: (wanted: Wanted, name: string) => Promise<Piece>,
  ): Promise<Piece> {
    const absence = wanted.isFresh ? undefined : absences.get(wanted.key);
    if (absence) throw absence;
    const piece = await readPiece(wanted, name).catch((error: unknown) => {
      if (isKerkisError(error) && error.kind === 'not_found') absences.set(wanted.key, error);
      throw error;
    });
    if (isOf(piece, wanted)) return piece;
    // Under this key there is another object by now.
    for (const outdated of [wanted.key, name]) {
      ram.drop(outdated);
      disk?.drop(outdated);
    }
    throw new KerkisError('unavailable', 'STORAGE_UNAVAILABLE', 'The object was replaced while it was read.');
  }

  async function read(key: string, { isFresh = false } = {}): Promise<MediaObject> {
    const known = ram.get(key);
    observe(known ? 'hit' : 'miss');
    return known ?? (await obtain({ key, isFresh }, key, readAnywhere));
  }

  async function block(object: Piece, number: number, isFromStart: boolean): Promise<Buffer> {
    const name = pieceName({ ...object, block: number });
    const wanted = { key: object.key, block: { number, of: object } };
    const piece = ram.get(name, isFromStart) ?? (await obtain(wanted, name, readAnywhere));
    return piece.bytes ?? Buffer.alloc(0);
  }

  const blocks = {
    block,
    ahead(object: Piece, number: number) {
      const name = pieceName({ ...object, block: number });
      if (!ram.keeps || ram.has(name)) return;
      obtain({ key: object.key, block: { number, of: object } }, name, readAnywhere).catch(() => undefined);
    },
  };

  const gone = new Set<string>();

  function sweep(): void {
    const prefixes = [...gone];
    gone.clear();
    ram.forget(prefixes);
    disk?.forget(prefixes);
  }

  return {
    peek: (key, uses) => ram.peek(key, uses),
    read,
    async open(key, range, signal) {
      const object = await read(key);
      if (!object.bytes) return await openBlocks(blocks, object, range, signal);
      const end = range.end === undefined ? object.sizeBytes : range.end + 1;
      return Readable.from([object.bytes.subarray(range.start, end)], { objectMode: false });
    },
    async here(wanted) {
      const name = wanted.block ? pieceName({ ...wanted.block.of, block: wanted.block.number }) : wanted.key;
      return ram.get(name) ?? (await obtain(wanted, name, readHere));
    },
    async ahead(key, onUse) {
      if (!ram.keeps) return;
      if (!ram.has(key)) await obtain({ key }, key, readAnywhere).catch(() => undefined);
      ram.onUse(key, onUse);
    },
    stored: (key) => absences.stored(key),
    forget(assetId) {
      if (gone.size === 0) setTimeout(sweep, sweepMs).unref();
      gone.add(`media/${assetId}`);
    },
  };
}

function flightName({ isFresh }: Wanted, name: string): string {
  // Who asks anew must not be answered by a read that began before.
  return isFresh ? `fresh ${name}` : name;
}

/** A block that was read is one of the object that was asked about. */
function isOf({ etag, sizeBytes }: Piece, { block }: Wanted): boolean {
  return !block || (etag === block.of.etag && sizeBytes === block.of.sizeBytes);
}
