// An edge of several processes on one port.
import { readFileSync } from 'node:fs';
import { freePort, startNats, tempDir, waitUntil } from '@kerkis/testing';
import { afterAll, expect, test } from 'vitest';
import { fetchRaw } from './edge-fixture.ts';
import { type EdgeProcess, startEdgeProcess } from './edge-process.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

function workersOf({ child }: EdgeProcess): number[] {
  const text = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

test.skipIf(process.platform !== 'linux')(
  'workers share a port, are started again when they die, and go with the one that started them',
  async () => {
    const nats = stack.use(await startNats());
    const directory = stack.use(await tempDir('workers')).path;
    const edge = await startEdgeProcess(await freePort(), {
      KERKIS_DATA_DIRECTORY: directory,
      KERKIS_NATS_URL: nats.url,
      KERKIS_DELIVERY_WORKERS: '2',
    });
    stack.use(edge);
    const first = workersOf(edge);
    expect(first).toHaveLength(2);

    process.kill(first[0] as number, 'SIGKILL');
    await waitUntil(() => {
      const now = workersOf(edge);
      return now.length === 2 && !now.includes(first[0] as number);
    });
    const statuses = await Promise.all(
      Array.from({ length: 20 }, () => fetchRaw({ port: edge.port, path: '/healthz' })),
    );
    expect(new Set(statuses.map(({ status }) => status))).toEqual(new Set([200]));

    const last = workersOf(edge);
    process.kill(edge.child.pid as number, 'SIGKILL');
    await waitUntil(() => last.every((pid) => !isAlive(pid)), { timeoutMs: 40_000 });
  },
);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
