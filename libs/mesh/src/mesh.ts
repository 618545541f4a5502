import type { DescService } from '@bufbuild/protobuf';
import type { Client } from '@connectrpc/connect';
import type { KerkisConfig } from '@kerkis/config';
import type { Database } from '@kerkis/documents';
import type { EventBus } from '@kerkis/events';
import type { ObjectStore } from '@kerkis/objects';
import type { ServiceParts, Verifier } from '@kerkis/rpc';
import type { ServiceTelemetry } from '@kerkis/telemetry';

/** Services that others call. */
export type MeshService = 'catalog' | 'upload' | 'transcode' | 'delivery';

/**
 * What a service is started with. Only a service's `service.ts` sees all of it; handlers get the single things that they
 * name. The mesh owns these resources and opens each when it is first asked for: a service does not dispose of them.
 */
export interface Mesh {
  readonly config: KerkisConfig;
  readonly telemetry: ServiceTelemetry;
  /** Where the external programs are looked up, e.g. `PATH`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly bus: EventBus;
  /** Who may send plain HTTP requests, by the same keys as RPC. */
  readonly auth: Verifier | 'off';
  database(): Promise<Database>;
  objects(): Promise<ObjectStore>;
  /** A typed client of another service. */
  client<S extends DescService>(service: MeshService, schema: S): Client<S>;
}

/** A running service: what it serves, and how it ends. */
export interface RunningService extends AsyncDisposable {
  /** RPC routes, HTTP handlers and readiness checks, for whichever server carries them. */
  readonly parts: ServiceParts;
}

/** The composition root of a service. */
export type StartService = (mesh: Mesh) => Promise<RunningService>;
