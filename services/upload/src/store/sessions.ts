import { fromJson, toJson } from '@bufbuild/protobuf';
import { type FailureJson, FailureSchema } from '@kerkis/contracts/media';
import {
  type UploadJson,
  UploadSchema,
  type UploadSpecJson,
  UploadSpecSchema,
  UploadState,
} from '@kerkis/contracts/upload';
import type { Collection, CollectionSpec, Database, OutboxEntry, Versioned } from '@kerkis/documents';
import { isKerkisError, KerkisError } from '@kerkis/errors';
import { dueTime, type Patience } from '../domain/due.ts';
import { takenOver } from '../domain/losses.ts';
import type { Session } from '../domain/session.ts';

interface SessionDocument extends Omit<Session, 'upload' | 'spec' | 'failing'> {
  id: string;
  upload: UploadJson;
  spec: UploadSpecJson;
  failing?: FailureJson | undefined;
  dueTime?: string | undefined;
}

const separator = '\u0000';
const created = (doc: SessionDocument) => `${doc.upload.createTime}${separator}${doc.id}`;
const stateKey = (state: UploadState) => `UPLOAD_STATE_${UploadState[state]}${separator}`;

const spec: CollectionSpec<SessionDocument> = {
  name: 'uploads',
  indexes: {
    created,
    state: (doc) => `${doc.upload.state}${separator}${created(doc)}`,
    asset: (doc) => doc.upload.assetId || undefined,
    due: (doc) => doc.dueTime,
  },
};

/** A session with the events that its change causes. */
export interface SessionChange {
  readonly session: Session;
  readonly events?: readonly OutboxEntry[];
}

/** The record of upload sessions. */
export type SessionStore = ReturnType<typeof sessionStore>;

/** Upload sessions in a database. */
export function sessionStore(database: Database, patience: Patience) {
  const sessions: Collection<SessionDocument> = database.collection(spec);

  const toDocument = (session: Session): SessionDocument => {
    const { upload, spec: file, failing, ...own } = session;
    return {
      ...own,
      id: upload.id,
      upload: toJson(UploadSchema, upload),
      spec: toJson(UploadSpecSchema, file),
      ...(failing && { failing: toJson(FailureSchema, failing) }),
      dueTime: dueTime(session, patience)?.toISOString(),
    };
  };

  return {
    /** The outbox of this collection is relayed by the service. */
    collection: sessions,

    /** Adds a session; when its id exists already, the one that exists is the answer. */
    async addSession(session: Session): Promise<Session> {
      try {
        return toSession(await sessions.insert(toDocument(session)));
      } catch (error) {
        if (!isKerkisError(error) || error.kind !== 'already_exists') throw error;
        return this.getSession(session.upload.id);
      }
    },

    /** The session, if there is one. */
    async findSession(uploadId: string): Promise<Session | undefined> {
      const found = await sessions.get(uploadId);
      return found && toSession(found);
    },

    /** Reads a session. Throws UPLOAD_NOT_FOUND. */
    async getSession(uploadId: string): Promise<Session> {
      const found = await sessions.get(uploadId);
      if (!found) throw notFound(uploadId);
      return toSession(found);
    },

    /**
     * Changes a session and records the events of the change in the same write. `change` answers undefined when there is
     * nothing to do. Throws UPLOAD_NOT_FOUND.
     */
    async changeSession(
      uploadId: string,
      change: (session: Session) => SessionChange | undefined,
    ): Promise<Session> {
      const updated = await sessions.update(uploadId, (doc) => {
        const next = change(toSession({ doc, version: 0 }));
        return next && { doc: toDocument(next.session), ...(next.events && { outbox: next.events }) };
      });
      if (!updated) throw notFound(uploadId);
      return toSession(updated);
    },

    /** The same for the writer of an epoch. Throws UPLOAD_TAKEN_OVER once there is a newer one, UPLOAD_NOT_FOUND. */
    changeAsWriter(
      { upload, epoch }: Pick<Session, 'upload' | 'epoch'>,
      change: (session: Session) => SessionChange | undefined,
    ): Promise<Session> {
      return this.changeSession(upload.id, (session) => {
        if (session.epoch !== epoch) throw takenOver(upload.id);
        return change(session);
      });
    },

    /** One page of sessions, newest first. */
    async listSessions(query: { state: UploadState; pageSize: number; pageToken: string }) {
      const { items, nextPageToken = '' } = await sessions.find({
        ...(query.state === UploadState.UNSPECIFIED
          ? { index: 'created' }
          : { index: 'state', prefix: stateKey(query.state) }),
        order: 'desc',
        limit: query.pageSize,
        ...(query.pageToken && { pageToken: query.pageToken }),
      });
      return { sessions: items.map(toSession), nextPageToken };
    },

    /** Sessions that the reconciler should look at, longest waiting first. */
    async findDue(now: Date, limit: number): Promise<Session[]> {
      const { items } = await sessions.find({ index: 'due', before: now.toISOString(), limit });
      return items.map(toSession);
    },

    /** Sessions of an asset. */
    async findByAsset(assetId: string, limit: number): Promise<Session[]> {
      const { items } = await sessions.find({ index: 'asset', equals: assetId, limit });
      return items.map(toSession);
    },

    /** Forgets a session. */
    async removeSession(uploadId: string): Promise<void> {
      await sessions.delete(uploadId);
    },
  };
}

function toSession({ doc }: Versioned<SessionDocument>): Session {
  const { id: _, dueTime: __, upload, spec: file, failing, ...own } = doc;
  return {
    ...own,
    upload: fromJson(UploadSchema, upload),
    spec: fromJson(UploadSpecSchema, file),
    ...(failing && { failing: fromJson(FailureSchema, failing) }),
  };
}

function notFound(uploadId: string): KerkisError {
  return new KerkisError('not_found', 'UPLOAD_NOT_FOUND', 'There is no upload with this id.', {
    details: { uploadId },
  });
}
