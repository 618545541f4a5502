import { KerkisError } from '@kerkis/errors';
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import {
  type Authenticator,
  AuthorizationError,
  connect,
  credsAuthenticator,
  deadline,
  type NatsConnection,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node';
import { type Tracer, trace } from '@opentelemetry/api';
import { eventsFailure } from './failure.ts';
import { type EventLogger, silentLogger } from './logger.ts';
import { backoffMs, pause } from './wait.ts';

/** How a client proves who it is to NATS: one of these, none for an open server. */
export interface EventCredentials {
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /** Seed of an NKey (`SU…`). */
  readonly nkeySeed?: string;
  /** Contents of a `.creds` file. */
  readonly credsFile?: string;
}

/** Where and as whom to connect. */
export interface EventBusOptions {
  /** `nats://host:port`, several separated by commas for a cluster; `tls://` for TLS. */
  readonly url: string;
  /** Name of this client, shown by the server's monitoring: the service. */
  readonly name: string;
  readonly credentials?: EventCredentials;
  /** PEM files for a private authority or mutual TLS. */
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string };
  readonly logger?: EventLogger;
  readonly tracer?: Tracer;
  /** Gives up the first connection, with kind `cancelled`. */
  readonly signal?: AbortSignal;
}

/** Puts right what the server should hold: streams and consumers. Must be idempotent. */
export type Restore = () => Promise<void>;

const requestTimeoutMs = 5_000;

/** A connection to NATS that reconnects for ever. Disposing lets acks and replies out, then closes. */
export class EventBus implements AsyncDisposable {
  readonly name: string;
  readonly connection: NatsConnection;
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly tracer: Tracer;
  readonly logger: EventLogger;
  #connected = true;
  #listeners = new Set<(connected: boolean) => void>();
  #owner: EventBus | undefined;
  #restore: Restore | undefined;
  #restoring: Promise<void> | undefined;

  constructor(
    connection: NatsConnection,
    manager: JetStreamManager,
    options: Pick<EventBusOptions, 'name' | 'logger' | 'tracer'>,
  ) {
    this.name = options.name;
    this.connection = connection;
    this.manager = manager;
    this.client = jetstream(connection, { timeout: requestTimeoutMs });
    this.tracer = options.tracer ?? trace.getTracer('@kerkis/events');
    this.logger = options.logger ?? silentLogger;
    void this.#follow();
  }

  /**
   * The same connection in the name of one service, so that its spans and log lines are its own where several services
   * share a process. Disposing of the view does nothing: the connection ends with the bus that opened it.
   */
  forService(options: Pick<EventBusOptions, 'name' | 'logger' | 'tracer'>): EventBus {
    const view = new EventBus(this.connection, this.manager, options);
    view.#owner = this.#owner ?? this;
    return view;
  }

  /** Whether the bus was disposed of: nothing comes any more. */
  get closed(): boolean {
    return this.connection.isClosed();
  }

  /** Whether the connection is up right now. */
  ready(): boolean {
    return this.#connected && !this.connection.isClosed() && !this.connection.isDraining();
  }

  /** Asks the server and its JetStream for a sign of life. Throws `unavailable` EVENTS_UNAVAILABLE. */
  async ping(): Promise<void> {
    try {
      await this.request(() => this.manager.getAccountInfo());
    } catch (error) {
      throw eventsFailure(error, 'a ping of JetStream');
    }
  }

  /** Throws `unavailable` EVENTS_UNAVAILABLE at once while the connection is down, so that nothing piles up in memory. */
  assertReady(): void {
    if (!this.ready()) throw notConnected();
  }

  /**
   * Sends a request that is safe to repeat. Fails at once when the connection is lost or was not there, instead of after
   * the request's own time-out: `unavailable` EVENTS_UNAVAILABLE.
   */
  async request<T>(send: () => Promise<T>): Promise<T> {
    this.assertReady();
    const gone = Promise.withResolvers<never>();
    using _listening = this.onConnection((connected) => {
      if (!connected) gone.reject(notConnected());
    });
    return await Promise.race([send(), gone.promise]);
  }

  /** Calls back with each change of the connection. */
  onConnection(listener: (connected: boolean) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Resolves when the connection is up, the bus is closed or the signal is aborted. */
  async whenReady(signal: AbortSignal): Promise<void> {
    if (this.ready() || this.closed || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    using _listening = this.onConnection((connected) => {
      if (connected || this.closed) resolve();
    });
    const abort = () => resolve();
    signal.addEventListener('abort', abort, { once: true });
    await promise;
    signal.removeEventListener('abort', abort);
  }

  /** Declares what `restore` puts right; it also runs after each reconnect, because the store may have been wiped. */
  onRestore(restore: Restore): void {
    if (this.#owner) this.#owner.onRestore(restore);
    else this.#restore = restore;
  }

  /** Puts streams right again. Callers at the same time share one run. */
  async restore(): Promise<void> {
    if (this.#owner) return await this.#owner.restore();
    const restore = this.#restore;
    if (restore === undefined) return;
    this.#restoring ??= this.request(restore).finally(() => {
      this.#restoring = undefined;
    });
    await this.#restoring;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#owner || this.connection.isClosed()) return;
    if (!this.ready()) {
      await this.connection.close();
      return;
    }
    await deadline(this.connection.drain(), requestTimeoutMs).catch(() => this.connection.close());
  }

  async #follow(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === 'disconnect') this.#change(false);
      else if (status.type === 'reconnect') this.#change(true);
      else if (status.type === 'error')
        this.logger.warn({ err: status.error }, 'NATS reports an error on this connection');
    }
    await this.connection.closed();
    this.#tell(false);
  }

  #change(connected: boolean): void {
    if (this.#connected === connected || this.closed) return;
    this.logger.warn({ connected }, connected ? 'Connected to NATS again' : 'Lost the connection to NATS');
    this.#tell(connected);
    if (connected)
      this.restore().catch((err: unknown) => this.logger.warn({ err }, 'Streams could not be put right yet'));
  }

  #tell(connected: boolean): void {
    this.#connected = connected;
    for (const listener of [...this.#listeners]) listener(connected);
  }
}

/**
 * Connects to NATS. Tries for ever, with a growing delay, until the server is there or `signal` is aborted; refused
 * credentials throw `forbidden` EVENTS_FORBIDDEN at once. After that it reconnects for ever by itself.
 */
export async function connectEvents(options: EventBusOptions): Promise<EventBus> {
  const logger = options.logger ?? silentLogger;
  const signal = options.signal ?? new AbortController().signal;
  for (let attempt = 1; !signal.aborted; attempt += 1) {
    try {
      return await open(options);
    } catch (error) {
      if (error instanceof AuthorizationError) throw eventsFailure(error, 'this connection');
      logger.warn({ err: error, attempt }, 'NATS is not there yet');
      await pause(backoffMs(attempt, { firstMs: 100, maxMs: 5_000 }), signal);
    }
  }
  throw new KerkisError('cancelled', 'CANCELLED', 'The connection to NATS was given up.', {
    cause: signal.reason,
  });
}

function notConnected(): KerkisError {
  return new KerkisError('unavailable', 'EVENTS_UNAVAILABLE', 'There is no connection to NATS right now.');
}

async function open(options: EventBusOptions): Promise<EventBus> {
  let attempt = 0;
  const connection = await connect({
    servers: options.url.split(',').map((url) => url.trim()),
    name: options.name,
    maxReconnectAttempts: -1,
    reconnectDelayHandler: () => {
      attempt = (attempt % 8) + 1;
      return backoffMs(attempt, { firstMs: 50, maxMs: 1_000 });
    },
    // Credentials may be rotated on the server before they are here.
    ignoreAuthErrorAbort: true,
    pingInterval: 20_000,
    maxPingOut: 2,
    timeout: requestTimeoutMs,
    ...(options.tls && { tls: options.tls }),
    ...authentication(options.credentials ?? {}),
  });
  try {
    const manager = await jetstreamManager(connection, { timeout: requestTimeoutMs });
    return new EventBus(connection, manager, options);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

function authentication(credentials: EventCredentials): { authenticator?: Authenticator } {
  const { user, password, token, nkeySeed, credsFile } = credentials;
  const encoder = new TextEncoder();
  if (credsFile) return { authenticator: credsAuthenticator(encoder.encode(credsFile)) };
  if (nkeySeed) return { authenticator: nkeyAuthenticator(encoder.encode(nkeySeed)) };
  if (token) return { authenticator: tokenAuthenticator(token) };
  if (user) return { authenticator: usernamePasswordAuthenticator(user, password) };
  return {};
}
