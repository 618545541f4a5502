import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ConnectRouter, Interceptor } from '@connectrpc/connect';
import type { ServiceTelemetry } from '@kerkis/telemetry';
import type { FastHandler } from './fast-path/fast-handler.ts';

/**
 * Answers a plain HTTP request and says true, or says false for the next handler to try. What it throws is answered as JSON
 * by its kind. On HTTP/2 the arguments are Node's compatible `Http2ServerRequest` and `Http2ServerResponse`.
 */
export type HttpHandler = (req: IncomingMessage, res: ServerResponse) => boolean | Promise<boolean>;

/** One thing that must work for a service to be of use, e.g. its database. */
export interface ReadinessCheck {
  /** What `/readyz` calls it: `database`, `nats`, `objects`. */
  readonly name: string;
  /** Throws if it does not work. Given five seconds. */
  readonly check: (signal: AbortSignal) => Promise<unknown>;
}

/** What a service contributes to a server. Alone it fills a server; in one process several share a port. */
export interface ServiceParts {
  /** Short name of the service, e.g. `catalog`. */
  readonly name: string;
  /** Names the service in spans and logs. */
  readonly telemetry: ServiceTelemetry;
  /** Registers the service's RPCs. Reflection, health and scopes follow from them. */
  readonly routes: (router: ConnectRouter) => void;
  /** Plain HTTP, tried in this order after RPC paths, `/healthz`, `/readyz` and `/metrics`. */
  readonly http?: readonly HttpHandler[];
  /** Answers plain requests over HTTP/1.1 from memory, before anything else sees them. */
  readonly fast?: FastHandler;
  readonly readiness?: readonly ReadinessCheck[];
  /** Run after error mapping and before validation. */
  readonly interceptors?: readonly Interceptor[];
  /** Called when the server begins to drain, before it stops accepting: the time to tell others that it goes. */
  readonly onDrain?: () => void;
}
