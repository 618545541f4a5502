import { KerkisError } from '@kerkis/errors';
import type { ObjectStore } from '@kerkis/objects';
import { leaseReleased } from '../domain/lease.ts';
import {
  declaredSize,
  isWhole,
  type Session,
  type StoredPart,
  sourceKey,
  type TailPiece,
  tailPrefix,
} from '../domain/session.ts';
import { livesUntil, partReserved, partStored, tailStored, wholeReceived } from '../domain/transitions.ts';
import type { PassingHash } from '../hashing/source-hashes.ts';
import type { SessionStore } from '../store/sessions.ts';
import type { Arrivals } from './announce-arrival.ts';
import { persistently, tailThen } from './stored-bytes.ts';

/** What a sink stands on. */
export interface ByteSinkDependencies {
  readonly objects: Pick<ObjectStore, 'createMultipart' | 'putPart' | 'put' | 'getBytes' | 'delete'>;
  readonly sessions: Pick<SessionStore, 'changeAsWriter' | 'findSession'>;
  /** Largest source. */
  readonly maxSizeBytes: number;
  /** How long a session may rest. */
  readonly ttlMs: number;
}

/** Takes the next bytes of a session. One writer uses it, from one place at a time. */
export type ByteSink = ReturnType<typeof openByteSink>;

/** Who follows the bytes of a sink, and when they count. */
export interface SinkOptions {
  /** Bytes count all together at the end, or not at all. */
  readonly atomic?: boolean;
  readonly hash?: PassingHash;
  readonly arrivals?: Arrivals;
}

type Change = (session: Session) => Session;

/** More pieces than these are made one. */
const maxTailPieces = 32;

/**
 * Gathers bytes into parts of the multipart upload. While one part is being stored the next is gathered, so at most three
 * parts are in memory: one on its way, one full, one tail that is read back. The record follows after each stored part;
 * `atomic`: only at the end, so that the bytes can be given up.
 */
export function openByteSink(
  { objects, sessions, maxSizeBytes, ttlMs }: ByteSinkDependencies,
  taken: Session,
  { atomic = false, hash, arrivals }: SinkOptions = {},
) {
  const key = sourceKey(taken);
  const limitBytes = declaredSize(taken) ?? maxSizeBytes;
  const startBytes = Number(taken.upload.offsetBytes);
  const uncommitted: Change[] = [];
  const ownPieces: string[] = [];
  let { multipartId, lastPartNumber } = taken;
  let tail: readonly TailPiece[] = taken.tail;
  let chunks: Uint8Array[] = [];
  let gatheredBytes = 0;
  let receivedBytes = 0;
  let partOffsetBytes = sumOf(taken.parts);
  let storing: Promise<void> = Promise.resolve();
  let inWork = 0;
  let seenBytes = -1;

  const missingBytes = () => taken.partSizeBytes - sumOf(tail) - gatheredBytes;

  async function write(chunk: Uint8Array): Promise<void> {
    if (startBytes + receivedBytes + chunk.length > limitBytes) throw tooLarge(taken, limitBytes);
    receivedBytes += chunk.length;
    let rest = chunk;
    while (rest.length > 0) {
      const piece = rest.subarray(0, missingBytes());
      chunks.push(piece);
      gatheredBytes += piece.length;
      rest = rest.subarray(piece.length);
      await hash?.add(piece);
      if (missingBytes() > 0) continue;
      hash?.cut();
      await cutPart();
    }
  }

  async function cutPart(): Promise<void> {
    const [pieces, body] = [tail, chunks];
    const sizeBytes = sumOf(pieces) + gatheredBytes;
    tail = [];
    chunks = [];
    gatheredBytes = 0;
    await storing;
    storing = working(() => storePart(pieces, body, sizeBytes));
    // Whoever waits for it next hears of a failure.
    storing.catch(() => undefined);
  }

  async function working<T>(work: () => Promise<T>): Promise<T> {
    inWork++;
    try {
      return await work();
    } finally {
      inWork--;
    }
  }

  async function storePart(pieces: readonly TailPiece[], body: readonly Uint8Array[], sizeBytes: number) {
    multipartId ||= await objects.createMultipart(key, { contentType: 'application/octet-stream' });
    const partNumber = lastPartNumber + 1;
    const offsetBytes = partOffsetBytes;
    const { etag } = await persistently(() =>
      objects.putPart(key, multipartId, partNumber, tailThen(objects, pieces, body), sizeBytes, {
        offsetBytes,
      }),
    );
    lastPartNumber = partNumber;
    partOffsetBytes += sizeBytes;
    const part: StoredPart = { partNumber, etag, sizeBytes };
    uncommitted.push((session) => partStored(session, multipartId, part, new Date()));
    if (!atomic) {
      await commit();
      await deletePieces(pieces);
      return;
    }
    await sessions.changeAsWriter(taken, (session) => ({
      session: partReserved(session, multipartId, partNumber),
    }));
  }

  async function storeTail(): Promise<void> {
    const merged = tail.length >= maxTailPieces;
    const before = merged ? tail : [];
    const sizeBytes = sumOf(before) + gatheredBytes;
    const pieceKey = `${tailPrefix(taken)}${taken.epoch}-${ownPieces.length}`;
    const body = chunks;
    await persistently(() =>
      objects.put(pieceKey, tailThen(objects, before, body), {
        sizeBytes,
        contentType: 'application/octet-stream',
      }),
    );
    ownPieces.push(pieceKey);
    const next = [...(merged ? [] : tail), { key: pieceKey, sizeBytes }];
    uncommitted.push((session) => tailStored(session, next, new Date()));
    tail = next;
    chunks = [];
    gatheredBytes = 0;
  }

  /** Writes down what is stored. What is not yet whole stays in memory. */
  async function commit(last: Change = (session) => session): Promise<Session> {
    const changes = uncommitted.splice(0);
    const expireTime = new Date(Date.now() + ttlMs);
    const written = await sessions.changeAsWriter(taken, (session) => ({
      session: [...changes, last].reduce((so, change) => change(so), livesUntil(session, expireTime)),
    }));
    hash?.stored(written);
    arrivals?.stored(written);
    return written;
  }

  async function deletePieces(pieces: readonly TailPiece[]): Promise<void> {
    // What cannot be deleted now goes with the end of the session.
    await Promise.allSettled(pieces.map((piece) => objects.delete(piece.key)));
  }

  return {
    /** Bytes taken by this writer so far. */
    receivedBytes: () => receivedBytes,

    /** Whether bytes are being stored, or came in since this was asked last. */
    hasMoved(): boolean {
      const moved = inWork > 0 || receivedBytes !== seenBytes;
      seenBytes = receivedBytes;
      return moved;
    },

    /** Takes bytes; resolves when there is room for more. The chunk must not be reused. Throws UPLOAD_TOO_LARGE. */
    write,

    /**
     * Stores all bytes taken, writes that down and gives the session back, in one write with `last`. With the last byte the
     * session is VERIFYING.
     */
    async close(last: Change = (session) => session): Promise<Session> {
      await storing;
      const before = taken.tail;
      const whole = startBytes + receivedBytes === declaredSize(taken) && taken.upload.sizeBytes > 0n;
      if (whole && sumOf(tail) + gatheredBytes > 0) {
        await cutPart();
        await storing;
      } else if (gatheredBytes > 0) await working(storeTail);
      const now = new Date();
      const session = await commit((so) => leaseReleased(wholeReceived(last(so), now)));
      const kept = new Set(session.tail.map((piece) => piece.key));
      await deletePieces(before.filter((piece) => !kept.has(piece.key)));
      return session;
    },

    /** Gives up all bytes that are not written down, and the session. */
    async discard(): Promise<void> {
      await storing.catch(() => undefined);
      uncommitted.length = 0;
      try {
        await sessions.changeAsWriter(taken, (session) => {
          const own = atomic ? { ...session, lastPartNumber: taken.lastPartNumber } : session;
          return { session: leaseReleased(own) };
        });
      } finally {
        // A commit whose answer was lost may have taken them.
        const current = await sessions.findSession(taken.upload.id);
        const kept = new Set(current?.tail.map((piece) => piece.key));
        await Promise.allSettled(
          ownPieces.filter((piece) => !kept.has(piece)).map((piece) => objects.delete(piece)),
        );
      }
    },

    /** Makes the tail of a session with all its bytes its last part. */
    async storeTailAsPart(): Promise<void> {
      if (!isWhole(taken) || tail.length === 0) return;
      await cutPart();
      await storing;
    },
  };
}

function sumOf(pieces: readonly { readonly sizeBytes: number }[]): number {
  return pieces.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

function tooLarge({ upload }: Session, limitBytes: number): KerkisError {
  const declared = upload.sizeBytes >= 0n;
  return new KerkisError(
    'too_large',
    'UPLOAD_TOO_LARGE',
    declared
      ? `The upload was declared with ${limitBytes} bytes, and more were sent.`
      : `At most ${limitBytes} bytes may be uploaded (upload.maxSizeBytes).`,
    { details: { uploadId: upload.id, maxSizeBytes: String(limitBytes) } },
  );
}
