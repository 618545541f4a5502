import type { IncomingMessage, ServerResponse } from 'node:http';
import { KerkisError } from '@kerkis/errors';
import type { Session } from '../domain/session.ts';
import { endIfEmpty } from '../ending/end-if-empty.ts';
import type { Writers } from '../intake/writers.ts';
import type { SessionStore } from '../store/sessions.ts';
import { byteCount, checkOffsetStream, header, headerInvalid, setSessionHeaders } from './headers.ts';
import { type IncomingBytes, type ReceiveBytesDependencies, receiveBytes } from './receive-bytes.ts';
import { readBody } from './request-body.ts';
import { uploadChecksum } from './upload-checksum.ts';

/** What adding bytes needs. */
export interface PatchTusDependencies extends ReceiveBytesDependencies {
  readonly sessions: ReceiveBytesDependencies['sessions'] & Pick<SessionStore, 'findSession'>;
  readonly writers: Pick<Writers, 'write' | 'settled'>;
  readonly checksumAlgorithms: readonly string[];
  /** Largest source. */
  readonly maxSizeBytes: number;
}

/** PATCH: adds bytes at the offset. */
export async function patchTusUpload(
  dependencies: PatchTusDependencies,
  req: IncomingMessage,
  res: ServerResponse,
  target: Session,
): Promise<void> {
  checkOffsetStream(req);
  const offsetBytes = byteCount(req, 'Upload-Offset');
  if (offsetBytes === undefined) throw headerInvalid('Upload-Offset', 'must be sent');
  const described = describedBytes(dependencies, req);
  const body = readBody(req);
  const received = await receiveBytes(dependencies, target, { ...described, body, offsetBytes });
  const session = await endIfEmpty(dependencies, received);
  setSessionHeaders(res, session);
  res.writeHead(204).end();
}

/** What the headers of a request say about its bytes. */
export function describedBytes(
  { checksumAlgorithms, maxSizeBytes }: Pick<PatchTusDependencies, 'checksumAlgorithms' | 'maxSizeBytes'>,
  req: IncomingMessage,
): Pick<IncomingBytes, 'sizeBytes' | 'bodyBytes' | 'checksum'> {
  const wanted = header(req, 'upload-checksum');
  const sizeBytes = byteCount(req, 'Upload-Length');
  if ((sizeBytes ?? 0) > maxSizeBytes) {
    throw new KerkisError('too_large', 'UPLOAD_TOO_LARGE', `At most ${maxSizeBytes} bytes may be uploaded.`, {
      details: { maxSizeBytes: String(maxSizeBytes) },
    });
  }
  return {
    sizeBytes,
    bodyBytes: byteCount(req, 'Content-Length'),
    checksum: wanted === undefined ? undefined : uploadChecksum(wanted, checksumAlgorithms),
  };
}
