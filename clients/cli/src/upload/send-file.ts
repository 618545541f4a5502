import { isKerkisError, KerkisError } from '@kerkis/errors';
import { DetailedError, type HttpResponse, Upload } from 'tus-js-client';
import { unreachable } from '../failure.ts';
import type { SourceFile } from './source-file.ts';

/** What is sent in one request: little is sent again after a lost connection, and each is quick on any line. */
const chunkBytes = 16 * 1024 * 1024;
/** The count starts anew whenever bytes arrived. */
const retryDelays = [200, 500, 1000, 2000, 4000, 8000, 8000, 8000];

/** Where a file goes. */
export interface SendOptions {
  /** Address of the mesh. */
  readonly server: string;
  /** URL of the tus resource. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly onProgress: (sentBytes: number, totalBytes: number) => void;
  readonly signal: AbortSignal;
}

/** Sends a file by tus; goes on where it was after a lost connection. Throws the server's reason when it refuses. */
export async function sendFile(file: SourceFile, options: SendOptions): Promise<void> {
  const { signal, server } = options;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // The file is read by `fileReader`, so that what tus-js-client would do with a file does not matter.
  const upload = new Upload(Buffer.alloc(0), {
    uploadUrl: options.url,
    headers: { ...options.headers },
    chunkSize: chunkBytes,
    retryDelays,
    fileReader: { openFile: async () => source(file) },
    onProgress: options.onProgress,
    onShouldRetry: (error) => !isKerkisError(error.causingError) && mayRecover(error.originalResponse),
    onSuccess: () => resolve(),
    onError: (error) => reject(sendFailure(error, server)),
  });
  const abort = () => {
    void upload.abort();
    reject(new KerkisError('cancelled', 'CANCELLED', 'The upload was cancelled.'));
  };
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  else upload.start();
  await promise.finally(() => signal.removeEventListener('abort', abort));
}

function source(file: SourceFile) {
  return {
    size: file.sizeBytes,
    async slice(start: number, end: number) {
      const last = Math.min(end, file.sizeBytes);
      const bytes = await file.read(start, last);
      // With a `size` the request carries Content-Length.
      return { value: Object.assign(bytes, { size: bytes.length }), done: last >= file.sizeBytes };
    },
    close: () => {},
  };
}

/** Conflicts of offset, locks and a server that restarts pass; a full disk, a refusal and a lost session do not. */
function mayRecover(response: HttpResponse | null): boolean {
  const status = response?.getStatus() ?? 0;
  return (
    status === 0 ||
    status === 409 ||
    status === 423 ||
    status === 429 ||
    [500, 502, 503, 504].includes(status)
  );
}

function sendFailure(error: Error | DetailedError, server: string): KerkisError {
  if (!(error instanceof DetailedError)) {
    return new KerkisError('internal', 'UPLOAD_FAILED', `The upload failed: ${error.message}`, {
      cause: error,
    });
  }
  const { causingError, originalResponse } = error;
  if (isKerkisError(causingError)) return causingError;
  if (originalResponse === null) {
    const code = causingError && 'code' in causingError ? String(causingError.code) : 'connection lost';
    return unreachable(server, code, error);
  }
  const told = answer(originalResponse.getBody());
  return new KerkisError(
    'precondition',
    told.reason ?? 'UPLOAD_REFUSED',
    told.message ?? `The server refused the upload with HTTP status ${originalResponse.getStatus()}.`,
    { cause: error },
  );
}

/** Errors of the server are JSON; those of a proxy in front of it are anything. */
function answer(body: string): { reason?: string; message?: string } {
  try {
    const { reason, message } = JSON.parse(body);
    return typeof reason === 'string' && typeof message === 'string' ? { reason, message } : {};
  } catch {
    return {};
  }
}
