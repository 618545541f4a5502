import type { KerkisConfig } from '@kerkis/config';
import { type EventBus, type Leases, openLeases } from '@kerkis/events';
import type { ObjectStore } from '@kerkis/objects';
import type { Logger } from '@kerkis/telemetry';
import { startDiscovery } from './discovery.ts';
import { createEdgeTable, type EdgeTable } from './edge-table.ts';
import { createHealth } from './health.ts';
import { edgeBucket } from './lease-record.ts';
import { createLines } from './lines.ts';
import { edgeIdOf, edgeUrl, startRegistration } from './registration.ts';

/** This edge among the others. */
export interface Edges extends AsyncDisposable {
  readonly table: EdgeTable;
  readonly leases: Leases;
  /** Its own id; undefined if nobody else can know where it is. */
  readonly ownId: string | undefined;
  /** An answer was given. */
  answered(bytes: number): void;
  /** Wants no new viewers from now on. */
  drain(): void;
}

/** What it stands on. */
export interface EdgesOptions {
  readonly config: Pick<KerkisConfig, 'delivery' | 'nats' | 'server'>;
  readonly bus: EventBus;
  readonly store: Pick<ObjectStore, 'ping'>;
  readonly logger: Logger;
  /** How often the lease is renewed. Default: three times in its time. */
  readonly renewMs: number | undefined;
}

/** Registers this edge, and learns of the others. */
export function startEdges(options: EdgesOptions): Edges {
  const { config, bus, store, logger } = options;
  const { leaseSeconds, region = '', weight } = config.delivery;
  const leaseMs = leaseSeconds * 1000;
  const stack = new AsyncDisposableStack();
  const leases = openLeases(bus, { bucket: edgeBucket, ttlMs: leaseMs, replicas: config.nats.replicas });
  const lines = stack.use(createLines());
  const table = createEdgeTable({
    leaseMs,
    isCut: (id) => lines.isCut(id),
    isListening: () => bus.ready(),
  });
  const url = edgeUrl(config.server);
  const edge = url && { id: edgeIdOf(url), url, region, weight };
  const ownId = edge ? edge.id : undefined;
  stack.use(startDiscovery({ bus, leases, edges: table, lines, ownId, leaseMs, logger }));
  const health = createHealth({ pingObjects: () => store.ping(), pingMs: leaseMs / 3 });
  const renewMs = options.renewMs ?? leaseMs / 3;
  const registration = edge
    ? stack.use(startRegistration({ bus, leases, edge, renewMs, report: () => health.report(), logger }))
    : undefined;
  return {
    table,
    leases,
    ownId,
    answered: (bytes) => health.answered(bytes),
    drain: () => registration?.drain(),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
