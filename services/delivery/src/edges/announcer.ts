import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KerkisConfig } from '@kerkis/config';
import { EdgeAnnouncedSchema } from '@kerkis/contracts/delivery/events';
import { announce, type EventBus } from '@kerkis/events';
import type { KnownEdge } from './edge-table.ts';

/** Tells the mesh that this edge serves, until it is disposed. */
export interface Announcer extends AsyncDisposable {
  /** Wants no new viewers from now on. */
  drain(): void;
}

/** Announces the edge at once and then every `intervalMs`. */
export function startAnnouncer(bus: EventBus, edge: KnownEdge, intervalMs: number): Announcer {
  const stopping = new AbortController();
  let draining = false;
  const tell = () => {
    const { id: edgeId, url, region } = edge;
    announce(
      bus,
      EdgeAnnouncedSchema,
      { edgeId, url, region, draining },
      { subjectId: edgeId, source: 'delivery' },
    );
  };
  const run = async () => {
    while (!stopping.signal.aborted) {
      tell();
      await sleep(intervalMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const running = run();
  const drain = () => {
    draining = true;
    tell();
  };
  return {
    drain,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await running;
      if (!draining) drain();
    },
  };
}

/** Where viewers reach this process, undefined where only the system knows its port. */
export function edgeUrl({ publicUrl, host, port }: KerkisConfig['server']): string | undefined {
  if (publicUrl !== undefined) return publicUrl.replace(/\/+$/, '');
  if (port === 0) return undefined;
  const everywhere = host === '0.0.0.0' || host === '::';
  const name = everywhere ? hostname() : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}`;
}
