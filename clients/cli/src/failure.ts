import { Code, ConnectError } from '@connectrpc/connect';
import type { Failure } from '@kerkis/contracts/media';
import { isKerkisError, KerkisError } from '@kerkis/errors';
import { fromConnectError } from '@kerkis/rpc/error-mapping';

/** A caught value as what is told to the user. `server` is named when it cannot be reached. */
export function failureOf(error: unknown, server: string): KerkisError {
  if (isKerkisError(error)) return error;
  if (error instanceof ConnectError) {
    const code = networkCode(error);
    return code === undefined ? fromConnectError(error) : unreachable(server, code, error);
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new KerkisError('internal', 'INTERNAL', `This is a defect of the kerkis command: ${message}`, {
    cause: error,
  });
}

/** The server did not answer at all. */
export function unreachable(server: string, code: string, cause: unknown): KerkisError {
  return new KerkisError(
    'unavailable',
    'SERVER_UNREACHABLE',
    `There is no answer from ${server} (${code}). Start the mesh with "kerkis up", or name another address with --server or KERKIS_SERVER.`,
    { cause },
  );
}

/** What the server recorded as the reason, as an error of the command. */
export function recordedFailure(failure: Failure | undefined): KerkisError {
  return new KerkisError(
    'precondition',
    failure?.reason ?? 'UNKNOWN',
    failure?.message ?? 'The server recorded no reason.',
    { details: { ...failure?.details } },
  );
}

/** Whether the same call may succeed soon: the server is away or going. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof ConnectError)) return false;
  return error.code === Code.Unavailable || networkCode(error) !== undefined;
}

/** Code of the system's error below a call that got no answer, e.g. ECONNREFUSED. */
function networkCode(error: ConnectError): string | undefined {
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) {
    if (
      'code' in cause &&
      typeof cause.code === 'string' &&
      /^(E[A-Z]{3,}|ERR_SSL|UNABLE|CERT|DEPTH)/.test(cause.code)
    ) {
      return cause.code;
    }
  }
  return undefined;
}

/** Whether the thing that was asked for does not exist. */
export function isNotFound(error: unknown): boolean {
  return error instanceof ConnectError && error.code === Code.NotFound;
}
