import type { IncomingMessage, ServerResponse } from 'node:http';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { KerkisError } from '@kerkis/errors';
import { declaredSize, type Session } from '../domain/session.ts';

/** The only version of the protocol that there is. */
export const tusVersion = '1.0.0';

/** Media type of the bytes of a file. */
const offsetStream = 'application/offset+octet-stream';

/** A request header that comes once. */
export function header(req: IncomingMessage, name: string): string | undefined {
  const value = req.headers[name];
  return typeof value === 'string' ? value.trim() : undefined;
}

/** A header that holds a whole number from 0. Throws TUS_HEADER_INVALID. */
export function byteCount(req: IncomingMessage, name: string): number | undefined {
  const value = header(req, name.toLowerCase());
  if (value === undefined) return undefined;
  const count = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isSafeInteger(count)) return count;
  throw headerInvalid(name, 'must be a whole number of bytes');
}

/** `invalid TUS_HEADER_INVALID`. */
export function headerInvalid(name: string, description: string): KerkisError {
  return new KerkisError('invalid', 'TUS_HEADER_INVALID', `${name} ${description}.`, {
    violations: [{ field: name, description }],
  });
}

/** Throws TUS_VERSION_UNSUPPORTED. */
export function checkVersion(req: IncomingMessage): void {
  if (header(req, 'tus-resumable') === tusVersion) return;
  throw new KerkisError(
    'precondition',
    'TUS_VERSION_UNSUPPORTED',
    `Send the header "Tus-Resumable: ${tusVersion}": this is the only version that is spoken here.`,
  );
}

/** Throws TUS_CONTENT_TYPE. */
export function checkOffsetStream(req: IncomingMessage): void {
  if (header(req, 'content-type')?.toLowerCase() === offsetStream) return;
  throw new KerkisError(
    'unsupported',
    'TUS_CONTENT_TYPE',
    `Send the bytes with "Content-Type: ${offsetStream}".`,
  );
}

/** Whether the request to create an upload brings bytes with it. */
export function bringsBytes(req: IncomingMessage): boolean {
  if (header(req, 'content-type')?.toLowerCase() !== offsetStream) return false;
  return header(req, 'content-length') !== '0';
}

/** What each answer about a session says. */
export function setSessionHeaders(res: ServerResponse, session: Session): void {
  const { upload, tusMetadata } = session;
  const sizeBytes = declaredSize(session);
  res.setHeader('upload-offset', String(upload.offsetBytes));
  if (sizeBytes === undefined) res.setHeader('upload-defer-length', '1');
  else res.setHeader('upload-length', String(sizeBytes));
  if (tusMetadata) res.setHeader('upload-metadata', tusMetadata);
  if (upload.expireTime) res.setHeader('upload-expires', timestampDate(upload.expireTime).toUTCString());
  res.setHeader('kerkis-asset-id', upload.assetId);
  res.setHeader('kerkis-playback-id', upload.playbackId);
}
