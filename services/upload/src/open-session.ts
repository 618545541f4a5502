import type { Client } from '@connectrpc/connect';
import type { AssetService } from '@kerkis/contracts/catalog';
import { UploadMethod, type UploadSpec } from '@kerkis/contracts/upload';
import { KerkisError } from '@kerkis/errors';
import { idForRequest } from '@kerkis/ids';
import { fromConnectError } from '@kerkis/rpc';
import { injectHeaders } from '@kerkis/telemetry';
import { partSizeFor } from './domain/part-size.ts';
import { newSession, type Session } from './domain/session.ts';
import { assetKnown } from './domain/transitions.ts';
import type { Observe } from './observe.ts';
import type { SessionStore } from './store/sessions.ts';

/** What opening a session needs. */
export interface OpenSessionDependencies {
  readonly sessions: Pick<SessionStore, 'addSession' | 'changeSession' | 'removeSession'>;
  readonly catalog: Pick<Client<typeof AssetService>, 'createAsset'>;
  readonly observe: Pick<Observe, 'sessionStarted'>;
  /** Part size as configured. */
  readonly partSizeBytes: number;
  /** Largest source. */
  readonly maxSizeBytes: number;
  /** How long a session may rest. */
  readonly ttlMs: number;
}

/** What is to be uploaded, and how. */
export interface WantedSession {
  /** Repeated, it gives the same session. Empty: none. */
  readonly requestId: string;
  readonly method: UploadMethod;
  readonly spec: UploadSpec;
  readonly sizeBytes?: number | undefined;
  /** The most bytes, where that is less than what may be uploaded. */
  readonly maxSizeBytes?: number | undefined;
  readonly tusMetadata?: string | undefined;
  readonly importUrl?: string | undefined;
}

/**
 * Opens a session and creates its asset; the asset may be there already from an earlier try. Throws UPLOAD_TOO_LARGE, and what
 * the catalog says, e.g. PROFILE_NOT_FOUND: then there is no session.
 */
export async function openSession(
  dependencies: OpenSessionDependencies,
  wanted: WantedSession,
): Promise<Session> {
  const { sessions, observe, partSizeBytes, ttlMs } = dependencies;
  const maxSizeBytes = Math.min(wanted.maxSizeBytes ?? Infinity, dependencies.maxSizeBytes);
  if ((wanted.sizeBytes ?? 0) > maxSizeBytes) {
    throw new KerkisError('too_large', 'UPLOAD_TOO_LARGE', `At most ${maxSizeBytes} bytes may be uploaded.`, {
      details: { maxSizeBytes: String(maxSizeBytes) },
    });
  }
  const now = new Date();
  const scope = UploadMethod[wanted.method];
  const session = await sessions.addSession(
    newSession({
      ...wanted,
      id: idForRequest('upl', wanted.requestId && `${scope}:${wanted.requestId}`),
      partSizeBytes: partSizeFor(wanted.sizeBytes ?? maxSizeBytes, partSizeBytes),
      expireTime: new Date(now.getTime() + ttlMs),
      now,
      trace: injectHeaders(),
    }),
  );
  if (session.upload.assetId) return session;
  const opened = await withAsset(dependencies, session);
  observe.sessionStarted(opened);
  return opened;
}

/** Creates the asset of a session that has none yet. A session whose asset is refused is forgotten. */
export async function withAsset(
  {
    sessions,
    catalog,
  }: Pick<OpenSessionDependencies, 'catalog'> & {
    readonly sessions: Pick<SessionStore, 'changeSession' | 'removeSession'>;
  },
  { upload, spec }: Session,
): Promise<Session> {
  const { title, metadata, profile, playbackPolicy, encryption } = spec;
  const request = { requestId: upload.id, title, metadata, profile, playbackPolicy, encryption };
  try {
    const { asset } = await catalog.createAsset(request);
    if (!asset) throw new KerkisError('internal', 'INTERNAL', 'The catalog answered without an asset.');
    return await sessions.changeSession(upload.id, (current) => {
      if (current.upload.assetId) return undefined;
      return { session: assetKnown(current, asset.id, asset.playbackIds[0]?.id ?? '', new Date()) };
    });
  } catch (caught) {
    const error = fromConnectError(caught);
    if (!error.mapping.retryable) await sessions.removeSession(upload.id);
    throw error;
  }
}
