import {
  type DescMessage,
  type DescMethod,
  type DescService,
  fromBinary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import {
  type CallOptions,
  createContextValues,
  type HandlerContext,
  type Interceptor,
  type Transport,
} from '@connectrpc/connect';
import { createMethodUrl, runStreamingCall, runUnaryCall } from '@connectrpc/connect/protocol';
import { type ChannelOptions, Client, credentials } from '@grpc/grpc-js';
import type { ServiceTelemetry } from '@kerkis/telemetry';
import { streamCall, unaryCall } from './mesh-call.ts';
import { clientTelemetry } from './mesh-telemetry.ts';

/** Settings of a transport to one service of the mesh. */
export interface MeshTransportOptions {
  /**
   * `host:port`, or `http://host:port` or `https://host:port`. A name with several addresses is balanced over all of them.
   * Also takes gRPC targets such as `ipv4:10.0.0.1:80,10.0.0.2:80`.
   */
  readonly address: string;
  /** Sent as `Authorization: Bearer`. */
  readonly meshToken?: string | undefined;
  /** PEM of the authority that signed the servers' certificate. Absent: cleartext, or the system's for `https:`. */
  readonly tlsAuthority?: string | undefined;
  /** Timeout of unary calls that set none; a timeout of 0 means none at all. Streams have none. Default 30 s. */
  readonly defaultTimeoutMs?: number;
  /** Largest message, either way. Default 4 MiB. */
  readonly maxMessageBytes?: number;
  readonly interceptors?: readonly Interceptor[];
  /** Makes a client span and a duration for each call. */
  readonly telemetry?: Pick<ServiceTelemetry, 'tracer' | 'meter'> | undefined;
}

/** A transport that holds connections until it is disposed. */
export interface MeshTransport extends Transport, AsyncDisposable {}

/**
 * A Connect transport over grpc-js channels: connections are shared, kept alive, re-resolved and balanced round-robin;
 * calls that declare to be idempotent are tried again while a server is unavailable, within a budget.
 * Calls reject with ConnectError; `fromConnectError` gives back the server's KerkisError.
 */
export function createMeshTransport(options: MeshTransportOptions): MeshTransport {
  const { defaultTimeoutMs = 30_000, maxMessageBytes = 4 * 1024 * 1024 } = options;
  const { target, authority, secure } = parseAddress(options.address);
  const channelCredentials =
    secure || options.tlsAuthority
      ? credentials.createSsl(options.tlsAuthority ? Buffer.from(options.tlsAuthority) : null)
      : credentials.createInsecure();
  const clients = new Map<DescService, Client>();
  // One channel a service, because the retry policy of a channel names methods. Few services live at one address.
  const clientOf = ({ parent }: DescMethod): Client => {
    const known = clients.get(parent);
    if (known) return known;
    const made = new Client(target, channelCredentials, channelOptions(parent, maxMessageBytes));
    clients.set(parent, made);
    return made;
  };
  const interceptors = [
    ...(options.telemetry ? [clientTelemetry(options.telemetry, authority)] : []),
    ...(options.interceptors ?? []),
  ];
  const header = (given: ConstructorParameters<typeof Headers>[0]) => {
    const headers = new Headers(given);
    if (options.meshToken) headers.set('authorization', `Bearer ${options.meshToken}`);
    return headers;
  };
  const request = <M extends DescMethod>(method: M) => ({
    service: method.parent,
    method,
    requestMethod: 'POST',
    url: createMethodUrl(`grpc://${authority}`, method),
  });
  return {
    unary: (method, signal, timeoutMs = defaultTimeoutMs, headers, message, contextValues) => {
      const deadline = deadlineOf(timeoutMs);
      return runUnaryCall({
        interceptors,
        ...settings(signal, timeoutMs),
        req: {
          ...request(method),
          stream: false,
          header: header(headers),
          contextValues: contextValues ?? createContextValues(),
          message,
        },
        next: (req) => unaryCall(clientOf(method), wireOf(method), req, deadline),
      });
    },
    stream: (method, signal, timeoutMs = 0, headers, message, contextValues) => {
      const deadline = deadlineOf(timeoutMs);
      return runStreamingCall({
        interceptors,
        ...settings(signal, timeoutMs),
        req: {
          ...request(method),
          stream: true,
          header: header(headers),
          contextValues: contextValues ?? createContextValues(),
          message,
        },
        next: (req) => streamCall(clientOf(method), wireOf(method), req, deadline),
      });
    },
    [Symbol.asyncDispose]: async () => {
      for (const client of clients.values()) client.close();
      clients.clear();
    },
  };
}

/**
 * Options for calls that a handler makes on behalf of its own call: they end when it ends and have no more time than it has
 * left. Not for work that goes on after the answer.
 */
export function inheritCall({
  signal,
  timeoutMs,
}: Pick<HandlerContext, 'signal' | 'timeoutMs'>): CallOptions {
  const leftMs = timeoutMs();
  return { signal, ...(leftMs === undefined ? {} : { timeoutMs: Math.max(1, leftMs) }) };
}

function parseAddress(address: string): { target: string; authority: string; secure: boolean } {
  const url = /^(https?):\/\/([^/]+)\/?$/.exec(address);
  const authority = url?.[2] ?? address;
  const isPlain = url || /^(\[[0-9a-f:]+\]|[^:/,]+):\d+$/i.test(address);
  return { target: isPlain ? `dns:///${authority}` : address, authority, secure: url?.[1] === 'https' };
}

function settings(signal: AbortSignal | undefined, timeoutMs: number) {
  return { ...(signal ? { signal } : {}), ...(timeoutMs > 0 ? { timeoutMs } : {}) };
}

/** The server is told the deadline, so that it stops when nobody waits for it any more. */
function deadlineOf(timeoutMs: number): number | undefined {
  return timeoutMs > 0 ? Date.now() + timeoutMs : undefined;
}

/** A method as bytes on the wire. */
export interface Wire<I, O> {
  readonly path: string;
  readonly serialize: (message: I) => Buffer;
  readonly deserialize: (bytes: Buffer) => O;
}

function wireOf<I extends DescMessage, O extends DescMessage>(
  method: DescMethod & { input: I; output: O },
): Wire<MessageShape<I>, MessageShape<O>> {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    serialize: (message) => {
      const bytes = toBinary(method.input, message);
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    },
    deserialize: (bytes) => fromBinary(method.output, bytes),
  };
}

function channelOptions(service: DescService, maxMessageBytes: number): ChannelOptions {
  return {
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
    'grpc.keepalive_time_ms': 20_000,
    'grpc.keepalive_timeout_ms': 5000,
    'grpc.initial_reconnect_backoff_ms': 200,
    'grpc.max_reconnect_backoff_ms': 5000,
    'grpc.dns_min_time_between_resolutions_ms': 5000,
    'grpc-node.flow_control_window': 1024 * 1024,
    'grpc.service_config': JSON.stringify(serviceConfig(service)),
  };
}

/** https://github.com/grpc/grpc/blob/master/doc/service_config.md */
function serviceConfig(service: DescService) {
  const idempotent = service.methods.filter(
    ({ idempotency }) => idempotency !== MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN,
  );
  return {
    loadBalancingConfig: [{ round_robin: {} }],
    methodConfig:
      idempotent.length === 0
        ? []
        : [
            {
              name: idempotent.map((method) => ({ service: service.typeName, method: method.name })),
              retryPolicy: {
                maxAttempts: 4,
                initialBackoff: '0.1s',
                maxBackoff: '2s',
                backoffMultiplier: 2.5,
                retryableStatusCodes: ['UNAVAILABLE'],
              },
            },
          ],
    // The budget: one retry is paid for by ten calls that went well, so that retries never drown a server that struggles.
    retryThrottling: { maxTokens: 20, tokenRatio: 0.1 },
  };
}
