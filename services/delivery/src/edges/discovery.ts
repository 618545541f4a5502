import { setTimeout as sleep } from 'node:timers/promises';
import { EdgeAnnouncedSchema } from '@kerkis/contracts/delivery/events';
import { type EventBus, type Leases, watchAnnouncements } from '@kerkis/events';
import type { Logger } from '@kerkis/telemetry';
import type { EdgeTable } from './edge-table.ts';
import { knownEdge } from './known-edge.ts';
import { decodeRecord } from './lease-record.ts';
import type { Lines } from './lines.ts';

/** What finds the other edges. */
export interface DiscoveryOptions {
  readonly bus: EventBus;
  readonly leases: Pick<Leases, 'list'>;
  readonly edges: EdgeTable;
  readonly lines: Pick<Lines, 'keep'>;
  /** This edge, to which no line is needed. */
  readonly ownId: string | undefined;
  readonly leaseMs: number;
  readonly logger: Logger;
}

/**
 * Fills the table: from announcements, which follow each renewal at once; and from the leases themselves at the start and every lease's
 * time, for what was not heard. Such a lease counts for the half of its time only: its holder may have died since, and is heard before that.
 */
export function startDiscovery(options: DiscoveryOptions): AsyncDisposable {
  const { bus, leases, edges, lines, ownId, leaseMs, logger } = options;
  const stopping = new AbortController();
  const { signal } = stopping;

  function keepLines(): void {
    const others = edges.all().flatMap(({ edge }) => (edge.id === ownId ? [] : [edge]));
    lines.keep(others);
  }

  const watching = watchAnnouncements(bus, EdgeAnnouncedSchema, (told) => {
    edges.heard(knownEdge(told), told.draining);
    keepLines();
  });

  async function readLeases(): Promise<void> {
    const held = await leases.list();
    for (const { value } of held) {
      const record = decodeRecord(value);
      if (record && !edges.has(record.edgeId)) edges.heard(knownEdge(record), record.draining, leaseMs / 2);
    }
    keepLines();
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      await bus.whenReady(signal);
      await readLeases().catch((err: unknown) => {
        if (!signal.aborted) logger.warn({ err }, 'the leases of the edges cannot be read right now');
      });
      await sleep(leaseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  const running = run();
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      watching[Symbol.dispose]();
      await running;
    },
  };
}
