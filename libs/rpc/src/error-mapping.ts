import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { BadRequestSchema, ErrorInfoSchema } from '@kerkis/contracts/google/rpc';
import {
  type ErrorKind,
  errorKinds,
  type FieldViolation,
  KerkisError,
  kindMapping,
  toKerkisError,
} from '@kerkis/errors';

/** `google.rpc.ErrorInfo.domain` of every reason that Kerkis gives. */
export const errorDomain = 'kerkis';

const kindOfCode = new Map<number, ErrorKind>(errorKinds.map((kind) => [kindMapping(kind).rpcCode, kind]));

/**
 * What a server answers for a caught value: code by the kind, `ErrorInfo` with reason and details, `BadRequest` with field
 * violations. The cause stays on the server. `signal` is the call's: what a handler throws because its call was
 * aborted becomes the reason of the abort (deadline, cancellation, shutdown).
 */
export function toConnectError(caught: unknown, signal?: AbortSignal): ConnectError {
  const value = signal?.aborted && isAbort(caught, signal) ? signal.reason : caught;
  if (!(value instanceof ConnectError)) return fromKerkis(toKerkisError(value));
  if (value.isWireError) return fromKerkis(relayed(value));
  describe(value);
  return value;
}

/**
 * A failed call as the KerkisError that the server threw: kind by the code, reason, details and violations from the error
 * details. Also takes what never reached a server, e.g. a refused connection (`unavailable`, reason UNAVAILABLE).
 */
export function fromConnectError(caught: unknown): KerkisError {
  if (!(caught instanceof ConnectError)) return toKerkisError(caught);
  const info = errorInfo(caught);
  return new KerkisError(
    kindOfCode.get(caught.code) ?? 'internal',
    info?.reason ?? reasonOfCode(caught.code),
    caught.rawMessage,
    { details: { ...info?.metadata }, violations: violationsOf(caught), cause: caught },
  );
}

/** Gives an error of the RPC layer itself (bad JSON, too large, deadline) a reason, and the field that is to blame. */
export function describe(error: ConnectError): void {
  if (errorInfo(error)) return;
  const field = /key "?([^"\s]+)"? is unknown|cannot decode field (\S+) from JSON/.exec(error.rawMessage);
  const reason = /readMaxBytes|writeMaxBytes/.test(error.rawMessage)
    ? 'MESSAGE_TOO_LARGE'
    : reasonOfCode(error.code);
  error.details.push(detail(ErrorInfoSchema, { reason, domain: errorDomain, metadata: {} }));
  const name = field?.[1] ?? field?.[2]?.split('.').at(-1);
  if (name && error.code === Code.InvalidArgument) {
    const description = field?.[1] ? 'There is no such field.' : 'The value does not fit the field.';
    error.details.push(detail(BadRequestSchema, { fieldViolations: [{ field: name, description }] }));
  }
}

/** Reason of an error of Kerkis, or undefined if the error has none. */
export function reasonOf(error: ConnectError): string | undefined {
  return errorInfo(error)?.reason;
}

function fromKerkis(error: KerkisError): ConnectError {
  const { kind, reason, message, details, violations, cause } = error;
  const outgoing = [detail(ErrorInfoSchema, { reason, domain: errorDomain, metadata: { ...details } })];
  if (violations.length > 0) {
    outgoing.push(detail(BadRequestSchema, { fieldViolations: violations.map((it) => ({ ...it })) }));
  }
  return new ConnectError(message, kindMapping(kind).rpcCode, undefined, outgoing, cause ?? error);
}

/** A mesh call failed inside a handler. Our own errors pass; what others word may name hosts, and our token is not the caller's. */
function relayed(error: ConnectError): KerkisError {
  const { kind, reason, message, details, violations } = fromConnectError(error);
  if (kind === 'unauthenticated' || kind === 'forbidden' || kind === 'internal') {
    return new KerkisError('internal', 'INTERNAL', 'A service of the mesh failed. The log has the cause.', {
      cause: error,
    });
  }
  const text = errorInfo(error) ? message : `A service of the mesh did not answer this call (${reason}).`;
  return new KerkisError(kind, reason, text, { details, violations, cause: error });
}

function isAbort(caught: unknown, signal: AbortSignal): boolean {
  return caught === signal.reason || (caught instanceof Error && caught.name === 'AbortError');
}

function errorInfo(error: ConnectError) {
  return findDetails(error, ErrorInfoSchema).find((info) => info.domain === errorDomain);
}

function violationsOf(error: ConnectError): FieldViolation[] {
  return findDetails(error, BadRequestSchema).flatMap(({ fieldViolations }) =>
    fieldViolations.map(({ field, description }) => ({ field, description })),
  );
}

/** Details of a stranger may be anything: what does not decode is not there. */
function findDetails<T extends DescMessage>(error: ConnectError, desc: T) {
  try {
    return error.findDetails(desc);
  } catch {
    return [];
  }
}

function detail<T extends DescMessage>(
  desc: T,
  value: MessageInitShape<T>,
): { desc: DescMessage; value: MessageInitShape<DescMessage> } {
  return { desc, value };
}

function reasonOfCode(code: Code): string {
  if (code === Code.InvalidArgument) return 'REQUEST_INVALID';
  if (code === Code.Canceled) return 'CANCELLED';
  return (Code[code] ?? 'UNKNOWN').replace(/(?<!^)[A-Z]/g, '_$&').toUpperCase();
}
