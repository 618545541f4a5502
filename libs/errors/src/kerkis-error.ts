import { type ErrorKind, type KindMapping, kindMapping } from './kinds.ts';

/** One field of a request and what is wrong with it. */
export interface FieldViolation {
  /** Path of the field as the client wrote it, e.g. `asset.title`. */
  readonly field: string;
  /** What is wrong and what is allowed, for a person. */
  readonly description: string;
}

/** Everything about a failure but its kind, reason and message. */
export interface ErrorOptions {
  /** Safe facts for the client: ids, limits, offsets. Never secrets or paths of this machine. */
  readonly details?: Readonly<Record<string, string>>;
  /** Fields of the request that are wrong. */
  readonly violations?: readonly FieldViolation[];
  /** What caused it. Stays on the server: it is logged and never sent. */
  readonly cause?: unknown;
}

/**
 * The only error that stores and domain code throw.
 *
 * `reason` is a stable UPPER_SNAKE_CASE code that programs may rely on; `message` says to a person what was wrong and
 * what to do, and is safe to show.
 */
export class KerkisError extends Error {
  override readonly name = 'KerkisError';
  readonly kind: ErrorKind;
  readonly reason: string;
  readonly details: Readonly<Record<string, string>>;
  readonly violations: readonly FieldViolation[];

  constructor(kind: ErrorKind, reason: string, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.reason = reason;
    this.details = options.details ?? {};
    this.violations = options.violations ?? [];
  }

  /** RPC code, HTTP status, ack verdict and retryability of this error's kind. */
  get mapping(): KindMapping {
    return kindMapping(this.kind);
  }
}

/** Whether a caught value is a KerkisError. */
export function isKerkisError(value: unknown): value is KerkisError {
  return value instanceof KerkisError;
}

/** A caught value as a KerkisError: itself, or a full disk or cancellation recognised, or `internal` with it as cause. */
export function toKerkisError(value: unknown): KerkisError {
  if (isKerkisError(value)) return value;
  const code = value instanceof Error && 'code' in value ? value.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new KerkisError(
      'exhausted',
      'STORAGE_FULL',
      'The storage is full. Free some space, then try again.',
      {
        cause: value,
      },
    );
  }
  if (value instanceof Error && value.name === 'AbortError') {
    return new KerkisError('cancelled', 'CANCELLED', 'The operation was cancelled.', { cause: value });
  }
  return new KerkisError(
    'internal',
    'INTERNAL',
    'Something went wrong on the server. The log has the cause.',
    {
      cause: value,
    },
  );
}
