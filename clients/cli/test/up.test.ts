import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { tempDir, waitUntil } from '@kerkis/testing';
import { expect, test } from 'vitest';
import {
  descendants,
  environment,
  kerkis,
  outcomeOf,
  readyMesh,
  startKerkis,
  startMesh,
  untilGone,
} from './kerkis.ts';

test('it says when it serves, in one line, and ends with 0', async () => {
  await using directory = await tempDir();
  const child = startKerkis(['up', '--json', '--port', '0', '--data', directory.path]);
  const ended = outcomeOf(child);
  const mesh = await readyMesh(child);
  expect(mesh.readyLine).toMatch(/^\{"event":"ready","url":"http:\/\/127\.0\.0\.1:\d+"\}$/);
  expect((await fetch(`${mesh.url}/readyz`)).status).toBe(200);
  const children = descendants(mesh.pid);
  expect(children.map(({ command }) => command).join()).toContain('nats-server');
  child.kill('SIGTERM');
  const { code, stdout, stderr } = await ended;
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${mesh.readyLine}\n`, stderr: '' });
  await untilGone(children.map(({ pid }) => pid));
});

test('for people it says where, and takes Ctrl-C', async () => {
  await using directory = await tempDir();
  const child = startKerkis(['up', '--port', '0', '--data', directory.path]);
  const ended = outcomeOf(child);
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  child.kill('SIGINT');
  const { code, stdout } = await ended;
  expect(code).toBe(0);
  expect(stdout).toMatch(/serves on http:\/\/127\.0\.0\.1:\d+/);
});

test('after kill -9 nothing of it is left', async () => {
  await using directory = await tempDir();
  await using mesh = await startMesh(directory.path);
  const children = descendants(mesh.pid).map(({ pid }) => pid);
  expect(children).not.toEqual([]);
  mesh.child.kill('SIGKILL');
  await untilGone(children);
  await using again = await startMesh(directory.path);
  expect((await fetch(`${again.url}/readyz`)).status).toBe(200);
});

test('when npx is killed, the mesh below it ends', async () => {
  await using directory = await tempDir();
  const root = join(import.meta.dirname, '..', '..', '..');
  const args = ['--no-install', 'kerkis', 'up', '--json', '--port', '0', '--data', directory.path];
  const npx = spawn('npx', args, { cwd: root, env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
  const mesh = await readyMesh(npx);
  const below = descendants(mesh.pid);
  expect(below.map(({ command }) => command).join()).toContain('nats-server');
  npx.kill('SIGKILL');
  await untilGone(below.map(({ pid }) => pid));
});

test('a second signal ends it at once', async () => {
  await using directory = await tempDir();
  const child = startKerkis(['up', '--port', '0', '--data', directory.path]);
  const stdout = child.stdout?.setEncoding('utf8');
  let output = '';
  stdout?.on('data', (text) => {
    output += text;
  });
  await waitUntil(() => output.includes('serves on'));
  // A request whose body never comes keeps the drain waiting.
  const port = Number(/127\.0\.0\.1:(\d+)/.exec(output)?.[1]);
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  const head = 'POST /kerkis.catalog.v1.AssetService/ListAssets HTTP/1.1\r\nHost: localhost\r\n';
  socket.write(`${head}Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{`);
  await once(socket, 'connect');
  await waitUntil(async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).ok);
  child.kill('SIGTERM');
  await waitUntil(() => output.includes('Stopping'));
  child.kill('SIGTERM');
  const [code, signal] = await once(child, 'exit');
  expect({ code, signal }).toEqual({ code: null, signal: 'SIGTERM' });
  socket.destroy();
});

test('what stands in the way is told', async () => {
  await using first = await tempDir();
  await using second = await tempDir();
  await using mesh = await startMesh(first.path);
  const port = new URL(mesh.url).port;

  const sameData = await kerkis('up', '--json', '--port', '0', '--data', first.path);
  expect(sameData.code).toBe(1);
  expect(sameData.events()).toMatchObject([{ event: 'failed', reason: 'DATA_DIRECTORY_IN_USE' }]);
  expect(sameData.stderr).toContain(`${mesh.pid}`);

  const samePort = await kerkis('up', '--port', port, '--data', second.path);
  expect(samePort.code).toBe(1);
  expect(samePort.stderr).toContain(`Port ${port} of 127.0.0.1 is in use`);

  const noConfig = await kerkis('up', '--config', join(second.path, 'none.yaml'), '--data', second.path);
  expect(noConfig.code).toBe(1);
  expect(noConfig.stderr).toContain('CONFIG_UNREADABLE');
});
