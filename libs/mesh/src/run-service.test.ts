// The catalog as a process of its own: what `runService` does with the real `process`.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { freePort, startNats, tempDir, waitUntil } from '@kerkis/testing';
import { expect, onTestFinished, test } from 'vitest';

const main = join(import.meta.dirname, '../../../services/catalog/src/main.ts');

interface Run {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  readonly stderr: () => string;
}

async function run(environment: Record<string, string>, args: readonly string[] = []): Promise<Run> {
  const directory = await tempDir();
  const env = { PATH: process.env.PATH ?? '', KERKIS_DATA_DIRECTORY: directory.path, ...environment };
  const child = spawn(process.execPath, [main, ...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
    await directory[Symbol.asyncDispose]();
  });
  return { child, ended, stderr: () => text };
}

test('a wrong configuration ends it with 1 and says what is wrong, once', async () => {
  const { ended, stderr } = await run({ KERKIS_TRANSCODE_ROLE: 'cook' });
  expect(await ended).toBe(1);
  expect(stderr()).toMatch(/^kerkis catalog: CONFIG_INVALID: /);
  expect(stderr().match(/transcode\.role/g)).toHaveLength(1);
  expect(stderr()).toContain('planner');
});

test('a wrong command line ends it with 2', async () => {
  const { ended, stderr } = await run({}, ['--confg', 'x']);
  expect(await ended).toBe(2);
  expect(stderr()).toMatch(/^kerkis catalog: Unknown option '--confg'/);
});

test('without NATS it says what to set', async () => {
  const { ended, stderr } = await run({});
  expect(await ended).toBe(1);
  expect(stderr()).toContain('NATS_URL_MISSING');
});

test('while NATS is not there it waits, and SIGTERM ends it with 0', async () => {
  const attempts: string[] = [];
  const server = createServer((socket) => {
    attempts.push('one');
    socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const { child, ended, stderr } = await run({ KERKIS_NATS_URL: `nats://127.0.0.1:${port}` });
  await waitUntil(() => attempts.length > 0);
  child.kill('SIGTERM');
  expect(await ended, stderr()).toBe(0);
});

test('it serves, says that it is ready, and drains on SIGTERM; a second one has no port', async () => {
  await using nats = await startNats();
  const port = await freePort();
  const environment = { KERKIS_NATS_URL: nats.url, KERKIS_SERVER_PORT: String(port) };
  const { child, ended, stderr } = await run(environment);
  const ready = await waitUntil(async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
    return answer.ok && ((await answer.text()) || undefined);
  });
  expect(ready).toContain('nats');
  expect(ready).toContain('database');
  expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(200);

  const second = await run(environment);
  expect(await second.ended).toBe(1);
  expect(second.stderr()).toMatch(
    /kerkis catalog: cannot serve here \(server\.host, server\.port\): .*EADDRINUSE/,
  );

  child.kill('SIGTERM');
  expect(await ended, stderr()).toBe(0);
});
