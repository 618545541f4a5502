import type { IncomingMessage, ServerResponse } from 'node:http';
import { UploadMethod, UploadState } from '@kerkis/contracts/upload';
import { KerkisError } from '@kerkis/errors';
import { isId } from '@kerkis/ids';
import { type HttpHandler, pathOf, traceRequest, type Verifier } from '@kerkis/rpc';
import type { ServiceTelemetry } from '@kerkis/telemetry';
import type { Session } from '../domain/session.ts';
import { cancelUpload } from '../rpc/cancel-upload.ts';
import type { SessionStore } from '../store/sessions.ts';
import { setCors } from './cors.ts';
import { type CreateTusDependencies, createTusUpload } from './create.ts';
import { sendTusError } from './failure.ts';
import { checkVersion, header, setSessionHeaders, tusVersion } from './headers.ts';
import { patchTusUpload } from './patch.ts';

const root = '/upload/tus';
const extensions = 'creation,creation-with-upload,creation-defer-length,termination,expiration,checksum';

/** What the tus endpoint stands on. */
export interface TusDependencies extends CreateTusDependencies {
  readonly sessions: CreateTusDependencies['sessions'] & Pick<SessionStore, 'findSession' | 'getSession'>;
  readonly auth: Verifier | 'off';
  readonly telemetry: Pick<ServiceTelemetry, 'tracer' | 'logger'>;
  readonly corsOrigins: readonly string[];
}

/** tus 1.0, https://tus.io/protocols/resumable-upload */
export function tusHandler(dependencies: TusDependencies): HttpHandler {
  const { telemetry, corsOrigins } = dependencies;
  return async (req, res) => {
    const path = pathOf(req).replace(/\/$/, '');
    if (path !== root && !path.startsWith(`${root}/`)) return false;
    const uploadId = path.slice(root.length + 1);
    const route = uploadId ? `${root}/{id}` : root;
    setCors(req, res, corsOrigins);
    res.setHeader('tus-resumable', tusVersion);
    await traceRequest(telemetry, route, req, res, async () => {
      try {
        await answer(dependencies, req, res, uploadId);
      } catch (error) {
        const internal = !(error instanceof KerkisError) || error.kind === 'internal';
        if (internal) telemetry.logger.error({ err: error, route }, 'tus request failed');
        sendTusError(req, res, error);
      }
    });
    return true;
  };
}

async function answer(
  dependencies: TusDependencies,
  req: IncomingMessage,
  res: ServerResponse,
  uploadId: string,
): Promise<void> {
  const method = (header(req, 'x-http-method-override') ?? req.method ?? '').toUpperCase();
  if (method === 'OPTIONS') return describe(dependencies, res);
  const allowed = uploadId ? ['HEAD', 'PATCH', 'DELETE'] : ['POST'];
  if (!allowed.includes(method)) {
    res.setHeader('allow', [...allowed, 'OPTIONS'].join(', '));
    throw new KerkisError(
      'invalid',
      'METHOD_NOT_ALLOWED',
      `This path takes ${allowed.join(', ')}; to start an upload, POST to ${root}.`,
    );
  }
  checkVersionOf(req, res);
  await authorize(dependencies.auth, req);
  if (method === 'POST') return await createTusUpload(dependencies, req, res);
  const session = await existing(dependencies.sessions, uploadId);
  if (method === 'PATCH') return await patchTusUpload(dependencies, req, res, session);
  if (method === 'HEAD') return await head(dependencies, res, uploadId);
  await cancelUpload(dependencies, uploadId);
  res.writeHead(204).end();
}

function describe({ maxSizeBytes, checksumAlgorithms }: TusDependencies, res: ServerResponse): void {
  res.writeHead(204, {
    'tus-version': tusVersion,
    'tus-extension': extensions,
    'tus-max-size': String(maxSizeBytes),
    'tus-checksum-algorithm': checksumAlgorithms.join(','),
  });
  res.end();
}

async function head(
  { sessions, writers }: TusDependencies,
  res: ServerResponse,
  uploadId: string,
): Promise<void> {
  await writers.settled(uploadId);
  const session = await sessions.getSession(uploadId);
  checkNotGone(session);
  setSessionHeaders(res, session);
  res.writeHead(200, { 'cache-control': 'no-store' }).end();
}

function checkVersionOf(req: IncomingMessage, res: ServerResponse): void {
  try {
    checkVersion(req);
  } catch (error) {
    res.setHeader('tus-version', tusVersion);
    throw error;
  }
}

async function authorize(auth: TusDependencies['auth'], req: IncomingMessage): Promise<void> {
  if (auth !== 'off') await auth.verify(header(req, 'authorization'), 'upload:write');
}

async function existing({ findSession }: Pick<SessionStore, 'findSession'>, uploadId: string) {
  const session = isId('upl', uploadId) ? await findSession(uploadId) : undefined;
  if (!session || session.upload.method !== UploadMethod.TUS) {
    throw new KerkisError('not_found', 'UPLOAD_NOT_FOUND', 'There is no such upload. Start a new one.');
  }
  checkNotGone(session);
  return session;
}

function checkNotGone({ upload, failing }: Session): void {
  if (upload.state !== UploadState.FAILED && !failing) return;
  const { failure = failing } = upload;
  throw new KerkisError(
    'not_found',
    'UPLOAD_GONE',
    `The upload has ended: ${failure?.message ?? 'it failed.'} Start a new one.`,
    { details: { failure: failure?.reason ?? '', ...failure?.details } },
  );
}
