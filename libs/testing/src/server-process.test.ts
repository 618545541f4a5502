import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePort, startServerProcess, tempDir, waitUntil } from './index.ts';

test('a server dies with the process that started it, even on kill -9', async () => {
  await using directory = await tempDir('pdeathsig');
  const pidFile = join(directory.path, 'pid');
  const script = `
    import { writeFileSync } from 'node:fs';
    import { startNats } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
    const nats = await startNats();
    writeFileSync(process.argv[1], new URL(nats.url).port);
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script, pidFile], {
    stdio: 'inherit',
  });
  const port = Number(await waitUntil(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8')));
  const answers = () =>
    fetch(`http://127.0.0.1:${port}`).then(
      () => true,
      (error: Error) => !String(error.cause).includes('ECONNREFUSED'),
    );
  expect(await answers()).toBe(true);
  const ended = once(parent, 'exit');
  parent.kill('SIGKILL');
  await ended;
  await waitUntil(async () => !(await answers()), { what: 'the end of the orphan' });
});

test('a server that does not start says why', async () => {
  await using directory = await tempDir('fails');
  const started = startServerProcess({
    name: 'shell',
    command: '/bin/sh',
    args: ['-c', 'echo no such option >&2; exit 3'],
    directory: directory.path,
    port: await freePort(),
  });
  await expect(started).rejects.toThrow(/shell did not start: it ended with 3\nno such option/);
});
