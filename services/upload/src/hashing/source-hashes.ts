import { isKerkisError } from '@kerkis/errors';
import type { ObjectStore } from '@kerkis/objects';
import { type Session, sourceKey } from '../domain/session.ts';
import { createHasher, type RunningHash } from './hasher.ts';
import { openStoredAt } from './stored-piece.ts';

/** The part of the object store that hashes read from. */
export type HashedObjects = Pick<ObjectStore, 'get' | 'getPart'>;

/** Takes the bytes of one writer while they arrive. */
export interface PassingHash {
  /** The next bytes. */
  add(chunk: Uint8Array): Promise<void>;
  /** A part ends here: a writer that fails may leave a session that goes on from here. */
  cut(): void;
  /** The record says now how much is stored. */
  stored(session: Session): void;
  /** The writer has ended; bytes that the record does not count are forgotten. */
  end(): void;
}

/** SHA-256 of sources, made while their bytes arrive. What is known is lost with the process; then it is read back. */
export interface SourceHashes extends AsyncDisposable {
  /**
   * For one writer, from the offset of its session on. Bytes that came by another way, before a restart or through another replica,
   * are read where the store can give them, while new ones arrive.
   */
  join(session: Session): PassingHash;
  /** How many bytes of a whole session are still to be hashed. */
  missingBytes(session: Session): number;
  /** Hashes the rest from the finished object. `sizeBytes` is how many bytes there were. */
  finish(
    session: Session,
    signal: AbortSignal,
  ): Promise<{ readonly sha256: string; readonly sizeBytes: number }>;
  /** The session has ended. */
  forget(session: Session): void;
}

interface SourceHash {
  readonly hash: RunningHash;
  /** Whose bytes are taken; nobody's while it lags behind. */
  owner?: symbol | undefined;
  /** Bytes that the record counts. */
  settledBytes: number;
  catching?: { readonly stop: AbortController; readonly done: Promise<void>; target: Session } | undefined;
}

const maxSources = 1000;

export function createSourceHashes(objects: HashedObjects): SourceHashes {
  const hasher = createHasher();
  const sources = new Map<string, SourceHash>();

  function sourceOf(session: Session): SourceHash {
    const key = keyOf(session);
    const source = sources.get(key) ?? { hash: hasher.begin(), settledBytes: 0 };
    sources.delete(key);
    sources.set(key, source);
    const [oldest] = sources;
    if (sources.size > maxSources && oldest) remove(...oldest);
    return source;
  }

  function remove(key: string, source: SourceHash): void {
    sources.delete(key);
    source.owner = undefined;
    source.catching?.stop.abort();
    source.hash.drop();
  }

  /** Reads what is stored and was not hashed. What cannot be read is left to the end. */
  function catchUp(key: string, source: SourceHash, session: Session): void {
    if (source.catching) {
      source.catching.target = session;
      return;
    }
    const stop = new AbortController();
    const done = run()
      .catch((error: unknown) => {
        if (!isKerkisError(error)) remove(key, source);
      })
      .finally(() => {
        source.catching = undefined;
      });
    source.catching = { stop, done, target: session };

    async function run(): Promise<void> {
      await Promise.resolve();
      const { hash } = source;
      for (;;) {
        const target = source.catching?.target ?? session;
        const next = await openStoredAt(objects, target, hash.position());
        if (stop.signal.aborted || next === undefined) return;
        let skipBytes = next.skipBytes;
        for await (const chunk of next.body) {
          if (stop.signal.aborted) return;
          const skipped = Math.min(skipBytes, chunk.length);
          skipBytes -= skipped;
          await hash.add(chunk.subarray(skipped));
        }
        hash.mark();
      }
    }
  }

  return {
    join(session) {
      const key = keyOf(session);
      const source = sourceOf(session);
      const startBytes = Number(session.upload.offsetBytes);
      const owner = Symbol();
      guarded(() => {
        release(source);
        source.settledBytes = startBytes;
        if (source.catching) return;
        source.hash.rewind(startBytes);
        if (source.hash.position() === startBytes) source.owner = owner;
      });
      if (source.owner !== owner) catchUp(key, source, session);

      /** A hash that broke is begun anew at the end. */
      function guarded(work: () => void): void {
        try {
          work();
        } catch {
          remove(key, source);
        }
      }

      return {
        async add(chunk) {
          if (source.owner !== owner) return;
          await source.hash.add(chunk).catch(() => remove(key, source));
        },
        cut() {
          if (source.owner === owner) guarded(() => source.hash.mark());
        },
        stored(now) {
          if (sources.get(key) !== source) return;
          if (source.owner === owner) source.settledBytes = Number(now.upload.offsetBytes);
          else if (source.owner === undefined) catchUp(key, source, now);
        },
        end() {
          if (source.owner === owner) guarded(() => release(source));
        },
      };
    },

    missingBytes(session) {
      const known = sources.get(keyOf(session));
      return Number(session.upload.sizeBytes) - (known?.hash.position() ?? 0);
    },

    async finish(session, signal) {
      const source = sourceOf(session);
      source.catching?.stop.abort();
      await source.catching?.done;
      const { hash } = source;
      try {
        release(source);
        const start = hash.position();
        if (start < Number(session.upload.sizeBytes)) {
          const { body } = await objects.get(sourceKey(session), { range: { start }, signal });
          for await (const chunk of body) await hash.add(chunk);
        }
        return { sha256: await hash.digest(), sizeBytes: hash.position() };
      } catch (error) {
        remove(keyOf(session), source);
        throw error;
      }
    },

    forget(session) {
      const key = keyOf(session);
      const source = sources.get(key);
      if (source) remove(key, source);
    },

    async [Symbol.asyncDispose]() {
      const ending = [...sources].map(async ([key, source]) => {
        const { catching } = source;
        remove(key, source);
        await catching?.done;
      });
      await Promise.all(ending);
      await hasher[Symbol.asyncDispose]();
    },
  };
}

/** Nobody's bytes are taken any more. Those that the record does not count are forgotten: others may come in their place. */
function release(source: SourceHash): void {
  if (source.owner === undefined) return;
  source.owner = undefined;
  if (source.hash.position() === source.settledBytes) source.hash.mark();
  else source.hash.rewind(source.settledBytes);
}

/** An import that begins again brings other bytes. */
function keyOf({ upload, attempts }: Session): string {
  return `${upload.id}/${attempts}`;
}
