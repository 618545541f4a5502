import { KerkisError } from '@kerkis/errors';
import { JetStreamApiError } from '@nats-io/jetstream';
import { AuthorizationError, InvalidArgumentError, PermissionViolationError } from '@nats-io/transport-node';

/** JetStream API error codes, https://github.com/nats-io/nats-server/blob/main/server/errors.json */
export const apiCodes = {
  consumerNotFound: 10014,
  insufficientResources: 10023,
  noMessageFound: 10037,
  storageResourcesExceeded: 10047,
  storeFailed: 10077,
  streamNameInUse: 10058,
  streamNotFound: 10059,
  wrongLastSequence: 10071,
} as const;

const full: ReadonlySet<number> = new Set([
  apiCodes.insufficientResources,
  apiCodes.storageResourcesExceeded,
  apiCodes.storeFailed,
]);

/** The code of a JetStream API error, undefined for any other failure. */
export function apiCode(error: unknown): number | undefined {
  return error instanceof JetStreamApiError ? error.code : undefined;
}

/**
 * A failure of the NATS client as a KerkisError.
 *
 * EVENTS_FORBIDDEN when the credentials do not allow it, EVENTS_FULL when the server has no room, EVENT_TOO_LARGE when a
 * message exceeds the server's limit; everything else is EVENTS_UNAVAILABLE and may be tried again.
 */
export function eventsFailure(error: unknown, doing: string): KerkisError {
  if (error instanceof KerkisError) return error;
  const root = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (root instanceof AuthorizationError || root instanceof PermissionViolationError) {
    return new KerkisError(
      'forbidden',
      'EVENTS_FORBIDDEN',
      `NATS does not allow ${doing}. Check the credentials.`,
      { cause: error },
    );
  }
  if (full.has(apiCode(error) ?? 0)) {
    return new KerkisError('exhausted', 'EVENTS_FULL', `NATS has no room for ${doing}. Free some space.`, {
      cause: error,
    });
  }
  if (root instanceof InvalidArgumentError && root.message.includes('max_payload')) {
    return new KerkisError(
      'too_large',
      'EVENT_TOO_LARGE',
      `The message of ${doing} is larger than NATS takes.`,
      {
        cause: error,
      },
    );
  }
  const why = error instanceof JetStreamApiError ? `refused it: ${error.message}` : 'did not answer in time';
  return new KerkisError('unavailable', 'EVENTS_UNAVAILABLE', `No success with ${doing}: NATS ${why}.`, {
    cause: error,
  });
}
