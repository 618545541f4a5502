import type { ConnectRouter } from '@connectrpc/connect';
import { Health, HealthCheckResponse_ServingStatus as Status } from '@kerkis/contracts/grpc/health';
import { KerkisError } from '@kerkis/errors';

/** State and RPCs of https://grpc.io/docs/guides/health-checking/ */
export interface HealthState {
  readonly routes: (router: ConnectRouter) => void;
  /** From now on every service is NOT_SERVING, and watchers are told. */
  drain(): void;
}

/** Health of a server that serves these services (full names). The empty name stands for all of it. */
export function createHealth(serviceNames: () => readonly string[]): HealthState {
  let draining = false;
  const changed = new EventTarget();
  const statusOf = (service: string): Status => {
    if (service !== '' && !serviceNames().includes(service)) return Status.SERVICE_UNKNOWN;
    return draining ? Status.NOT_SERVING : Status.SERVING;
  };
  async function* watch({ service }: { service: string }, { signal }: { signal: AbortSignal }) {
    yield { status: statusOf(service) };
    if (!draining) await nextEvent(changed, signal);
    yield { status: statusOf(service) };
    await nextEvent(new EventTarget(), signal);
  }
  return {
    routes: (router) => {
      router.service(Health, {
        check: ({ service }) => {
          const status = statusOf(service);
          if (status !== Status.SERVICE_UNKNOWN) return { status };
          throw new KerkisError('not_found', 'SERVICE_UNKNOWN', 'This server has no such service.', {
            details: { service },
          });
        },
        watch,
      });
    },
    drain: () => {
      draining = true;
      changed.dispatchEvent(new Event('change'));
    },
  };
}

async function nextEvent(target: EventTarget, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = () => reject(signal.reason);
  const onChange = () => resolve();
  target.addEventListener('change', onChange, { once: true });
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  await promise.finally(() => {
    target.removeEventListener('change', onChange);
    signal.removeEventListener('abort', onAbort);
  });
}
