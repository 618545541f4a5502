import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KerkisConfig } from '@kerkis/config';
import type { Logger } from '@kerkis/telemetry';

/** Which of the processes of a service this one is: `1`, `2`, …. Absent in the one that starts them. */
export const workerVariable = 'EDGE_WORKER_NUMBER';

/** What a supervisor of workers is started with. */
export interface WorkersOptions {
  readonly count: number;
  readonly config: KerkisConfig;
  /** Of this process; workers get the same. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly stopped: AbortSignal;
  /** Told when a worker said on standard error why it cannot start, which is then true of all. */
  readonly unusable: (exitCode: number) => void;
}

const restartMs = 1000;

/**
 * Runs a service as several processes of the same command line that listen on the same port. The kernel deals out connections; memory
 * and disk for caches are split between them. One that ends is started again. Resolves when all have ended after `stopped`, or
 * because they cannot start.
 */
export async function runWorkers(options: WorkersOptions): Promise<void> {
  const { count, logger } = options;
  const ending = new AbortController();
  const stopped = AbortSignal.any([options.stopped, ending.signal]);

  async function keepRunning(number: number): Promise<void> {
    while (!stopped.aborted) {
      const child = startWorker(options, number);
      const stop = () => void child.kill('SIGTERM');
      stopped.addEventListener('abort', stop);
      const [code, signal] = await once(child, 'exit').catch((err: unknown) => [err, null]);
      stopped.removeEventListener('abort', stop);
      if (stopped.aborted) return;
      if (code === 1 || code === 2) {
        options.unusable(code);
        ending.abort();
        return;
      }
      logger.error({ worker: number, code, signal }, 'a worker ended and is started again');
      await sleep(restartMs, undefined, { signal: stopped }).catch(() => undefined);
    }
  }

  logger.info({ workers: count }, 'starting workers');
  await Promise.all(Array.from({ length: count }, (_, index) => keepRunning(index + 1)));
  logger.info('all workers have ended');
}

function startWorker({ argv, env, config, count }: WorkersOptions, number: number): ChildProcess {
  const { memoryCacheBytes, diskCacheBytes, diskCacheDirectory } = config.delivery;
  const own = {
    [workerVariable]: `${number}`,
    KERKIS_DELIVERY_MEMORY_CACHE_BYTES: `${Math.floor(memoryCacheBytes / count)}`,
    KERKIS_DELIVERY_DISK_CACHE_BYTES: `${Math.floor(diskCacheBytes / count)}`,
    KERKIS_DELIVERY_DISK_CACHE_DIRECTORY: `${diskCacheDirectory}/worker-${number}`,
  };
  // Through the channel a worker knows when this process is gone, however it went.
  const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const;
  return spawn(process.execPath, [...process.execArgv, ...argv.slice(1)], {
    env: { ...env, ...own },
    stdio: [...stdio],
  });
}
