import { create } from '@bufbuild/protobuf';
import { type Failure, FailureSchema } from '@kerkis/contracts/media';
import { isKerkisError, toKerkisError } from '@kerkis/errors';

/** A caught error as it is kept in the record and shown to people. */
export function failureOf(caught: unknown): Failure {
  const { reason, message, details } = toKerkisError(caught);
  return create(FailureSchema, { reason, message, details });
}

/** What a chunk died of. An encoder that makes something else than was planned, at every attempt, was given what the source does not hold. */
export function deathOf(caught: unknown): Failure {
  const failure = failureOf(caught);
  if (failure.reason !== 'ENCODER_OUTPUT_UNEXPECTED') return failure;
  return create(FailureSchema, {
    reason: 'SOURCE_CORRUPT',
    message:
      'The source is damaged: a part of it is not what the file says it is. Repair it, or upload it again.',
    details: { ...failure.details, encoder: failure.message },
  });
}

/** Whether another attempt cannot end differently: the fault is in the source or the profile. */
export function isFinalFailure(caught: unknown): boolean {
  return isKerkisError(caught) && !caught.mapping.retryable && caught.kind !== 'data_loss';
}
