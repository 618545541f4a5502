import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { waitUntil } from '@kerkis/testing';
import { fetchRaw } from './edge-fixture.ts';

/** An edge as a process of its own. */
export interface EdgeProcess extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly child: ChildProcess;
}

/** Starts the real main and waits until it serves. */
export async function startEdgeProcess(
  port: number,
  environment: Record<string, string>,
): Promise<EdgeProcess> {
  const main = join(import.meta.dirname, '..', 'src', 'main.ts');
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    KERKIS_SERVER_PORT: `${port}`,
    KERKIS_TELEMETRY_LOG_LEVEL: 'fatal',
    ...environment,
  };
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  await waitUntil(
    async () => {
      if (child.exitCode !== null) throw new Error(`the edge ended with ${child.exitCode}`);
      const answer = await fetchRaw({ port, path: '/readyz' }).catch(() => undefined);
      return answer?.status === 200;
    },
    { timeoutMs: 60_000 },
  );
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    child,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}
