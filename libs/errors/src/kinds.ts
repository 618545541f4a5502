/** What a consumer does with the message whose handler failed: drop it for good, or have it delivered again. */
export type AckVerdict = 'term' | 'nak';

/** How one kind of failure looks on each surface. */
export interface KindMapping {
  /** gRPC status code, https://grpc.io/docs/guides/status-codes/ */
  readonly rpcCode: number;
  /** HTTP status of the edge and the tus endpoint. */
  readonly httpStatus: number;
  /** What becomes of an event or task. */
  readonly ack: AckVerdict;
  /** Whether the same call may succeed later without a change by the caller. */
  readonly retryable: boolean;
}

const table = {
  /** The request itself is wrong: a field, a header, a body. */
  invalid: { rpcCode: 3, httpStatus: 400, ack: 'term', retryable: false },
  /** No credentials, or credentials that do not verify. */
  unauthenticated: { rpcCode: 16, httpStatus: 401, ack: 'term', retryable: false },
  /** Known caller, not allowed. */
  forbidden: { rpcCode: 7, httpStatus: 403, ack: 'term', retryable: false },
  /** The named thing does not exist. */
  not_found: { rpcCode: 5, httpStatus: 404, ack: 'term', retryable: false },
  /** It exists already, with another content. */
  already_exists: { rpcCode: 6, httpStatus: 409, ack: 'term', retryable: false },
  /** Somebody else changed it in between: read again, then retry. */
  conflict: { rpcCode: 10, httpStatus: 409, ack: 'nak', retryable: true },
  /** The thing is not in a state that allows this. */
  precondition: { rpcCode: 9, httpStatus: 412, ack: 'term', retryable: false },
  /** Larger than what is allowed. */
  too_large: { rpcCode: 11, httpStatus: 413, ack: 'term', retryable: false },
  /** Well-formed, but a kind of media or operation that is not supported. */
  unsupported: { rpcCode: 12, httpStatus: 415, ack: 'term', retryable: false },
  /** A quota or a capacity is used up: disk, rate, slots. */
  exhausted: { rpcCode: 8, httpStatus: 507, ack: 'nak', retryable: true },
  /** A dependency does not answer. */
  unavailable: { rpcCode: 14, httpStatus: 503, ack: 'nak', retryable: true },
  /** The time given was not enough. */
  deadline: { rpcCode: 4, httpStatus: 504, ack: 'nak', retryable: true },
  /** The caller went away, or asked to stop. */
  cancelled: { rpcCode: 1, httpStatus: 499, ack: 'nak', retryable: true },
  /** Stored bytes are gone or not what they were. */
  data_loss: { rpcCode: 15, httpStatus: 500, ack: 'term', retryable: false },
  /** A defect of Kerkis. */
  internal: { rpcCode: 13, httpStatus: 500, ack: 'nak', retryable: true },
} as const satisfies Record<string, KindMapping>;

/** The closed set of failure kinds. */
export type ErrorKind = keyof typeof table;

/** All kinds, for tables and tests. */
export const errorKinds = Object.keys(table) as readonly ErrorKind[];

/** The one table that maps a kind to its RPC code, HTTP status and ack verdict. */
export function kindMapping(kind: ErrorKind): KindMapping {
  return table[kind];
}
