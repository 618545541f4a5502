import { create } from '@bufbuild/protobuf';
import { type Failure, FailureSchema } from '@kerkis/contracts/media';
import { isKerkisError, toKerkisError } from '@kerkis/errors';

/** A caught error as it is kept in the record and shown to people. */
export function failureOf(caught: unknown): Failure {
  const { reason, message, details } = toKerkisError(caught);
  return create(FailureSchema, { reason, message, details });
}

/** Whether another attempt cannot end differently: the fault is in the source or the profile. */
export function isFinalFailure(caught: unknown): boolean {
  return isKerkisError(caught) && !caught.mapping.retryable && caught.kind !== 'data_loss';
}
