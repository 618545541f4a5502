import type { IncomingMessage, ServerResponse } from 'node:http';
import { UploadMethod, UploadState } from '@kerkis/contracts/upload';
import { KerkisError, toKerkisError } from '@kerkis/errors';
import type { Session } from '../domain/session.ts';
import { specFromMetadata } from '../domain/upload-metadata.ts';
import { endIfEmpty } from '../ending/end-if-empty.ts';
import { failSession } from '../ending/fail-session.ts';
import { type OpenSessionDependencies, openSession } from '../open-session.ts';
import { bringsBytes, byteCount, header, headerInvalid, setSessionHeaders } from './headers.ts';
import { describedBytes, type PatchTusDependencies } from './patch.ts';
import { receiveBytes } from './receive-bytes.ts';
import { readBody } from './request-body.ts';

/** What creating an upload needs. */
export interface CreateTusDependencies extends PatchTusDependencies, OpenSessionDependencies {
  readonly sessions: PatchTusDependencies['sessions'] & OpenSessionDependencies['sessions'];
  readonly observe: PatchTusDependencies['observe'] & OpenSessionDependencies['observe'];
  /** Address under which clients reach this server. Absent: locations are paths. */
  readonly publicUrl?: string | undefined;
}

/** POST: creates an upload, maybe with its first bytes. */
export async function createTusUpload(
  dependencies: CreateTusDependencies,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  if (header(req, 'upload-concat') !== undefined) {
    throw new KerkisError('invalid', 'TUS_EXTENSION_UNSUPPORTED', 'Upload-Concat is not supported.');
  }
  const described = describedBytes(dependencies, req);
  const tusMetadata = header(req, 'upload-metadata') ?? '';
  const requestId = header(req, 'idempotency-key') ?? '';
  if (requestId.length > 128) throw headerInvalid('Idempotency-Key', 'may have 128 characters at most');
  const wanted = { requestId, spec: specFromMetadata(tusMetadata), sizeBytes: lengthOf(req), tusMetadata };
  const body = bringsBytes(req) ? readBody(req) : undefined;

  const opened = await openSession(dependencies, { ...wanted, method: UploadMethod.TUS });
  const session = await endIfEmpty(dependencies, await withFirstBytes(opened));
  const { publicUrl = '' } = dependencies;
  setSessionHeaders(res, session);
  res.writeHead(201, { location: `${publicUrl.replace(/\/$/, '')}${session.upload.tusPath}` }).end();

  async function withFirstBytes(created: Session): Promise<Session> {
    const { id, state, offsetBytes } = created.upload;
    if (!body || state !== UploadState.RECEIVING || offsetBytes > 0n) return created;
    try {
      return await receiveBytes(dependencies, created, { ...described, body, offsetBytes: 0 });
    } catch (error) {
      // The client has no address to go on with; only by its own key could it come back.
      if (!requestId) await failSession(dependencies, id, toKerkisError(error));
      throw error;
    }
  }
}

function lengthOf(req: IncomingMessage): number | undefined {
  const sizeBytes = byteCount(req, 'Upload-Length');
  const deferred = header(req, 'upload-defer-length');
  if (deferred !== undefined && deferred !== '1') throw headerInvalid('Upload-Defer-Length', 'may only be 1');
  if ((sizeBytes === undefined) !== (deferred === '1')) {
    throw headerInvalid('Upload-Length', 'must be sent, or else Upload-Defer-Length: 1; not both');
  }
  return sizeBytes;
}
