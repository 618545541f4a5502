import { UploadState } from '@kerkis/contracts/upload';
import { isKerkisError, KerkisError } from '@kerkis/errors';
import {
  extractContext,
  injectHeaders,
  linksFromHeaders,
  type ServiceTelemetry,
  withSpan,
} from '@kerkis/telemetry';
import type { Session } from '../domain/session.ts';
import { sizeDeclared } from '../domain/transitions.ts';
import { type FailSessionDependencies, failSession } from '../ending/fail-session.ts';
import type { Finisher } from '../ending/finisher.ts';
import type { ByteSink } from '../intake/byte-sink.ts';
import type { Writers } from '../intake/writers.ts';
import type { Observe } from '../observe.ts';
import type { RequestBody } from './request-body.ts';
import type { UploadChecksum } from './upload-checksum.ts';

/** What receiving bytes needs. */
export interface ReceiveBytesDependencies extends FailSessionDependencies {
  readonly writers: Pick<Writers, 'write'>;
  readonly finisher: Pick<Finisher, 'start'>;
  readonly observe: Pick<Observe, 'bytesReceived' | 'sessionEnded'>;
  readonly telemetry: Pick<ServiceTelemetry, 'tracer'>;
}

/** The bytes of one request. */
export interface IncomingBytes {
  readonly body: RequestBody;
  /** Where they belong. */
  readonly offsetBytes: number;
  /** Size of the file, when the request says so. */
  readonly sizeBytes?: number | undefined;
  /** Size of the body, when the request says so. */
  readonly bodyBytes?: number | undefined;
  readonly checksum?: UploadChecksum | undefined;
}

/**
 * Adds the bytes of one request to a session. With the last byte its verification starts, and is not waited for. A full
 * storage ends the session, so that it does not stay full.
 */
export async function receiveBytes(
  dependencies: ReceiveBytesDependencies,
  { upload, trace }: Pick<Session, 'upload' | 'trace'>,
  incoming: IncomingBytes,
): Promise<Session> {
  // Clients begin a trace with each request; the bytes belong to the one in which the upload began.
  const settings = {
    parent: extractContext(trace),
    links: linksFromHeaders(injectHeaders()),
    attributes: { 'kerkis.upload.id': upload.id, 'kerkis.asset.id': upload.assetId },
  };
  return await withSpan(dependencies.telemetry.tracer, 'receive bytes', settings, () =>
    storeBytes(dependencies, upload.id, incoming),
  );
}

async function storeBytes(
  dependencies: ReceiveBytesDependencies,
  uploadId: string,
  incoming: IncomingBytes,
): Promise<Session> {
  const { writers, finisher } = dependencies;
  const { body, offsetBytes, sizeBytes, bodyBytes, checksum } = incoming;
  try {
    const session = await writers.write(uploadId, {
      atomic: checksum !== undefined,
      gone: body.over,
      prepare(current) {
        const next = sizeBytes === undefined ? current : sizeDeclared(current, sizeBytes, new Date());
        checkOffset(next, offsetBytes);
        checkFits(next, offsetBytes + (bodyBytes ?? 0));
        return next;
      },
      write: (sink) => receive(dependencies, sink, body, checksum),
    });
    if (session.upload.state === UploadState.VERIFYING) finisher.start(uploadId);
    return session;
  } catch (error) {
    if (isKerkisError(error) && ['STORAGE_FULL', 'SOURCE_LOST'].includes(error.reason)) {
      await failSession(dependencies, uploadId, error);
    }
    throw error;
  }
}

async function receive(
  { observe }: Pick<ReceiveBytesDependencies, 'observe'>,
  sink: ByteSink,
  body: RequestBody,
  checksum: UploadChecksum | undefined,
): Promise<Session> {
  let broken: unknown;
  try {
    for await (const chunk of body.chunks) {
      checksum?.add(chunk);
      await sink.write(chunk);
    }
  } catch (error) {
    const gone = isKerkisError(error) && error.reason === 'CLIENT_GONE';
    // Without its end a body cannot be checked; else what arrived counts.
    if (!gone || checksum) throw error;
    broken = error;
  }
  checksum?.check();
  const session = await sink.close();
  observe.bytesReceived(session, sink.receivedBytes());
  if (broken && session.upload.state === UploadState.RECEIVING) throw broken;
  return session;
}

function checkOffset({ upload }: Session, offsetBytes: number): void {
  if (BigInt(offsetBytes) === upload.offsetBytes) return;
  throw new KerkisError(
    'conflict',
    'UPLOAD_OFFSET_MISMATCH',
    `The upload goes on at byte ${upload.offsetBytes}, not at ${offsetBytes}. Ask for its offset first.`,
    { details: { uploadId: upload.id, offsetBytes: String(upload.offsetBytes) } },
  );
}

function checkFits({ upload }: Session, endBytes: number): void {
  if (upload.sizeBytes < 0n || BigInt(endBytes) <= upload.sizeBytes) return;
  throw new KerkisError(
    'too_large',
    'UPLOAD_TOO_LARGE',
    `The upload was declared with ${upload.sizeBytes} bytes; this request goes beyond its end.`,
    { details: { uploadId: upload.id, sizeBytes: String(upload.sizeBytes) } },
  );
}
