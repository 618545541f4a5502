import { createHash, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { KerkisConfig } from '@kerkis/config';
import { EdgeKind } from '@kerkis/contracts/delivery';
import { EdgeAnnouncedSchema } from '@kerkis/contracts/delivery/events';
import { announce, type EventBus, type Leases } from '@kerkis/events';
import type { Logger } from '@kerkis/telemetry';
import type { HealthReport } from './health.ts';
import { decodeRecord, encodeRecord, isConflict } from './lease-record.ts';

/** Holds the lease of this edge until it is disposed of. */
export interface Registration extends AsyncDisposable {
  /** Wants no new viewers from now on. */
  drain(): void;
}

/** What is registered, and how. */
export interface RegistrationOptions {
  readonly bus: EventBus;
  readonly leases: Leases;
  readonly edge: Readonly<Record<'id' | 'url' | 'region', string>> & { readonly weight: number };
  /** How often the lease is renewed; a third of its time. */
  readonly renewMs: number;
  readonly report: () => Promise<HealthReport>;
  readonly logger: Logger;
}

/** Names of one edge may be wanted by two processes; this many rounds end every race that is one. */
const rounds = 4;

/**
 * Takes the lease of the edge, renews it by compare-and-set, and tells everybody after each renewal. While another process holds it,
 * e.g. one that was killed a moment ago, this one waits for the end of that lease and is no edge to others.
 */
export function startRegistration(options: RegistrationOptions): Registration {
  const { bus, leases, edge, renewMs, logger } = options;
  const stopping = new AbortController();
  const instance = randomUUID();
  let isLeaving = false;
  let isDrained = false;
  let isHeld = false;
  /** A mark of somebody else on the lease interrupts holding it for a moment. */
  let wasHeld = false;
  let isRefused = false;
  let revision = 0;
  let waking = new AbortController();

  type Record = MessageInitShape<typeof EdgeAnnouncedSchema> & { edgeId: string };
  function recordOf({ notReadyReason, load }: HealthReport): Record {
    const { id: edgeId, url, region, weight } = edge;
    const draining = isLeaving || isDrained;
    const health = { notReadyReason, load };
    return {
      edgeId,
      url,
      region,
      weight,
      draining,
      drained: isDrained,
      kind: EdgeKind.EDGE,
      instance,
      ...health,
    };
  }

  /** Whether the lease is this process' to write. Learns at which revision it is, and what others marked on it. */
  async function look(): Promise<boolean> {
    const found = await leases.read(edge.id);
    const record = decodeRecord(found.value);
    if (record && record.instance !== instance) return false;
    revision = found.revision;
    if (record) isDrained = record.drained;
    return true;
  }

  async function write(report: HealthReport): Promise<void> {
    for (let round = 1; round <= rounds; round += 1) {
      if (!isHeld && !(await look())) {
        if (!isRefused) {
          logger.warn(
            { edgeId: edge.id, url: edge.url },
            'another process is registered as this edge; waiting',
          );
        }
        isRefused = true;
        wasHeld = false;
        return;
      }
      try {
        revision = await leases.write(edge.id, encodeRecord(recordOf(report)), revision);
        if (!isHeld && !wasHeld) logger.info({ edgeId: edge.id, url: edge.url }, 'registered as an edge');
        isHeld = true;
        wasHeld = true;
        isRefused = false;
        return;
      } catch (error) {
        if (!isConflict(error)) throw error;
        isHeld = false;
      }
    }
  }

  async function renew(): Promise<void> {
    const report = await options.report();
    try {
      await write(report);
    } catch (err) {
      // JetStream is away, so nobody else can take the lease either: who held it goes on.
      if (!stopping.signal.aborted)
        logger.warn({ err }, 'the lease of this edge cannot be renewed right now');
    }
    if (isHeld) tell(recordOf(report));
  }

  function tell(record: Record): void {
    announce(bus, EdgeAnnouncedSchema, record, { subjectId: edge.id, source: 'delivery' });
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      waking = new AbortController();
      const signal = AbortSignal.any([stopping.signal, waking.signal]);
      await renew();
      await sleep(renewMs, undefined, { signal }).catch(() => undefined);
    }
  }

  const running = run();
  const listening = bus.onConnection((connected) => connected && waking.abort());
  return {
    drain() {
      isLeaving = true;
      waking.abort();
    },
    async [Symbol.asyncDispose]() {
      listening[Symbol.dispose]();
      stopping.abort();
      await running;
      if (!isHeld || !bus.ready()) return;
      isLeaving = true;
      tell(recordOf(await options.report()));
      await leases.release(edge.id, revision).catch((err: unknown) => {
        logger.warn({ err }, 'the lease of this edge could not be given up; it ends by itself');
      });
    },
  };
}

/** The id of the edge at a URL: the same after a restart, so that it gets back its share of the playback IDs. */
export function edgeIdOf(url: string): string {
  return `nod_${createHash('sha256').update(url).digest('hex').slice(0, 32)}`;
}

/** Where viewers reach this process, undefined where only the system knows its port. */
export function edgeUrl({ publicUrl, host, port }: KerkisConfig['server']): string | undefined {
  if (publicUrl !== undefined) return publicUrl.replace(/\/+$/, '');
  if (port === 0) return undefined;
  const everywhere = host === '0.0.0.0' || host === '::';
  const name = everywhere ? hostname() : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}`;
}
