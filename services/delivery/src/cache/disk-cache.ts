import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@kerkis/telemetry';
import type { TierCounts } from './counts.ts';
import { diskDirectory } from './disk-directory.ts';
import { type DiskFileName, decodeDiskFile, diskFileId, diskGroup, encodeDiskFile } from './disk-file.ts';
import { type Piece, pieceName } from './piece.ts';
import { createS3Fifo } from './s3-fifo.ts';
import { turns } from './turns.ts';

/** What was read lately, in files that outlive the process. It never fails: what it cannot do is counted and logged. */
export interface DiskCache extends AsyncDisposable {
  /** The piece of that name, checked against its checksum. What is damaged is removed, and not there. */
  get(name: string): Promise<Piece | undefined>;
  /** Writes a piece some time soon, unless too much waits to be written already. */
  put(piece: Piece): void;
  /** Removes the piece of that name. */
  drop(name: string): void;
  /** Counts a use by those who did not have to ask. */
  touch(name: string): void;
  /** Removes all pieces whose keys begin with one of these, each of the form `media/<asset>`. */
  forget(assetPrefixes: readonly string[]): void;
  /** Resolves when all that was put is written or given up. */
  settled(): Promise<void>;
  readonly sizeBytes: number;
}

/** Where it keeps what, and how much. */
export interface DiskCacheOptions {
  /** Its own: shared with no other process. Made when it is missing. */
  readonly directory: string;
  readonly capacityBytes: number;
  readonly counts: TierCounts;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  /** How long nothing is written after a write that failed. Default 30 s. */
  readonly pauseMs?: number;
  /** Files at most; one takes about 400 bytes of memory. Default one million. */
  readonly maxFiles?: number;
}

interface DiskEntry extends DiskFileName {
  isWritten: boolean;
}

/** Waiting to be written, at most. */
const maxPendingBytes = 64 * 1024 * 1024;
const writesAtATime = 2;
/** The index of more files than can be listed in this time is completed while the edge serves. */
const loadMs = 5_000;
/** Files take whole blocks of the file system. */
const fileSystemBlockBytes = 4096;

const takenBytes = ({ sizeBytes }: DiskFileName) =>
  Math.max(1, Math.ceil(sizeBytes / fileSystemBlockBytes)) * fileSystemBlockBytes;

/** Opens a disk cache with what the directory holds. */
export async function openDiskCache(options: DiskCacheOptions): Promise<DiskCache> {
  const { directory, capacityBytes, counts, logger, pauseMs = 30_000, maxFiles = 1_000_000 } = options;
  const files = diskDirectory(directory);
  const removals = new Set<Promise<void>>();
  const index = createS3Fifo<DiskEntry>({
    capacityBytes,
    maxEntries: maxFiles,
    onEvicted: (_, entry) => {
      counts.evictions += 1;
      remove(entry);
    },
  });
  const turn = turns(writesAtATime);
  const writing = new Map<string, Promise<void>>();
  let pendingBytes = 0;
  let pausedUntilMs = 0;
  let silentUntilMs = 0;
  let isLoaded = false;
  let loading: Promise<void> | undefined;
  let isClosed = false;

  function remove(entry: DiskFileName): void {
    const removal = files.remove(entry).catch((error: unknown) => failed('remove', error));
    removals.add(removal);
    void removal.finally(() => removals.delete(removal));
  }

  function failed(operation: 'open' | 'read' | 'write' | 'remove', err: unknown): void {
    counts.failures += 1;
    if (Date.now() >= silentUntilMs) logger.warn({ err, operation, directory }, 'the disk cache failed');
    silentUntilMs = Date.now() + pauseMs;
    if (operation === 'read' || operation === 'remove') return;
    pausedUntilMs = Date.now() + pauseMs;
    // Others want the disk too: what lies here longest goes first.
    if (isFull(err)) index.shrinkTo(Math.floor(index.sizeBytes * 0.95));
  }

  /** Again where the directory could not be used so far, such as a disk that is mounted late. */
  function loaded(): Promise<void> {
    loading ??= load().finally(() => {
      loading = undefined;
    });
    return loading;
  }

  async function load(): Promise<void> {
    await files.prepare();
    const found: DiskFileName[] = [];
    for await (const listed of files.scan()) {
      if (isClosed) return;
      found.push(...listed);
    }
    // What was written last has room first, and goes last.
    found.sort((a, b) => b.writtenAtMs - a.writtenAtMs);
    let roomBytes = capacityBytes - index.sizeBytes;
    const kept = found.filter((file) => {
      roomBytes -= takenBytes(file);
      return roomBytes >= 0;
    });
    for (const file of kept.reverse()) index.restore(file.id, { ...file, isWritten: true }, takenBytes(file));
    isLoaded = true;
    logger.info({ directory, files: index.count, sizeBytes: index.sizeBytes }, 'disk cache opened');
    for (const file of found) if (!isClosed && !isKnown(file)) await files.remove(file);
  }

  function isKnown(file: DiskFileName): boolean {
    const known = index.peek(file.id);
    return known?.writtenAtMs === file.writtenAtMs && known.sizeBytes === file.sizeBytes;
  }

  async function write(piece: Piece, id: string): Promise<void> {
    using _turn = await turn();
    if (isClosed || Date.now() < pausedUntilMs) return;
    const parts = encodeDiskFile(piece);
    const sizeBytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
    const entry: DiskEntry = { id, sizeBytes, writtenAtMs: Date.now(), isWritten: false };
    try {
      if (!isLoaded) await loaded();
      if (!index.set(id, entry, takenBytes(entry))) return;
      await Promise.all(removals);
      await files.write(entry, parts);
      entry.isWritten = true;
      if (index.peek(id) !== entry) remove(entry);
    } catch (error) {
      if (index.peek(id) === entry) index.delete(id);
      failed('write', error);
    }
  }

  function drop(entry: DiskEntry): void {
    if (index.peek(entry.id) !== entry) return;
    index.delete(entry.id);
    if (entry.isWritten) remove(entry);
  }

  async function read(name: string, entry: DiskEntry): Promise<Piece | undefined> {
    try {
      const bytes = await files.read(entry);
      const piece = bytes && decodeDiskFile(bytes, name);
      if (piece) return piece;
      throw new Error('The file is damaged.');
    } catch (error) {
      const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT';
      drop(entry);
      if (!isGone) failed('read', error);
      return undefined;
    }
  }

  const opening = loaded().catch((error: unknown) => failed('open', error));
  await Promise.race([opening, sleep(loadMs, undefined, { ref: false })]);

  async function settled(): Promise<void> {
    while (writing.size > 0 || removals.size > 0) await Promise.all([...writing.values(), ...removals]);
  }

  return {
    async get(name) {
      const entry = index.get(diskFileId(name));
      const piece = entry?.isWritten ? await read(name, entry) : undefined;
      if (piece) {
        counts.hits += 1;
        counts.bytes += piece.bytes?.byteLength ?? 0;
      } else counts.misses += 1;
      return piece;
    },

    put(piece) {
      const id = diskFileId(pieceName(piece));
      const sizeBytes = piece.bytes?.byteLength ?? 0;
      const isBusy = isClosed || Date.now() < pausedUntilMs || pendingBytes + sizeBytes > maxPendingBytes;
      if (isBusy || writing.has(id) || index.peek(id)) return;
      pendingBytes += sizeBytes;
      const written = write(piece, id).finally(() => {
        pendingBytes -= sizeBytes;
        writing.delete(id);
      });
      writing.set(id, written);
    },

    drop(name) {
      const entry = index.peek(diskFileId(name));
      if (entry) drop(entry);
    },

    touch: (name) => index.touch(diskFileId(name)),

    forget(assetPrefixes) {
      const groups = new Set(assetPrefixes.map(diskGroup));
      const length = diskGroup('').length;
      for (const [id, entry] of index.entries()) if (groups.has(id.slice(0, length))) drop(entry);
    },

    settled,

    get sizeBytes() {
      return index.sizeBytes;
    },

    async [Symbol.asyncDispose]() {
      isClosed = true;
      await Promise.all([opening, settled()]);
    },
  };
}

function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '');
}
