import { execFile, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, tempDir } from '@kerkis/testing';
import { describe, expect, test } from 'vitest';
import { kerkis, outcomeOf } from './kerkis.ts';

const execute = promisify(execFile);

describe('usage', () => {
  test.each([
    [[]],
    [['nonsense']],
    [['asset']],
    [['upload']],
    [['up', '--port', 'x']],
    [['up', '--port', '65536']],
    [['upload', 'a', '--wait', 'forever']],
    [['upload', 'a', '--meta', 'novalue']],
    [['upload', 'a', 'b']],
    [['asset', 'list', '--limit', '0']],
    [['asset', 'list', '--state', 'nice']],
    [['asset', 'list', '--server', 'ftp://somewhere']],
    [['asset', 'list', '--nonsense']],
  ])('%j is wrong', async (args) => {
    const { code, stdout, stderr } = await kerkis(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).not.toBe('');
  });

  test.each([[['--version']], [['--help']], [['up', '--help']], [['help', 'upload']]])(
    '%j is right',
    async (args) => {
      const { code, stdout, stderr } = await kerkis(...args);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).not.toBe('');
    },
  );
});

test('a server that is not there is named, with what to do', async () => {
  const server = `http://127.0.0.1:${await freePort()}`;
  for (const args of [
    ['asset', 'list'],
    ['job', 'list'],
    ['upload', import.meta.filename],
  ]) {
    const { code, stdout, stderr } = await kerkis(...args, '--server', server);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(server);
    expect(stderr).toContain('kerkis up');
  }
  const upload = await kerkis('upload', import.meta.filename, '--json', '--server', server);
  expect(upload.code).toBe(1);
  expect(upload.events()).toEqual([
    { event: 'failed', reason: 'SERVER_UNREACHABLE', message: expect.stringContaining(server) },
  ]);
});

test('what is no file is refused before anything is sent', async () => {
  await using directory = await tempDir();
  const empty = join(directory.path, 'empty.mp4');
  const secret = join(directory.path, 'secret.mp4');
  const fifo = join(directory.path, 'fifo.mp4');
  const socket = join(directory.path, 'socket');
  await using listening = createServer().listen(socket);
  await mkdir(join(directory.path, 'folder.mp4'));
  await writeFile(empty, '');
  await writeFile(secret, 'x', { mode: 0o000 });
  await execute('mkfifo', [fifo]);
  const cases: Record<string, string> = {
    [join(directory.path, 'folder.mp4')]: 'FILE_IS_DIRECTORY',
    [join(directory.path, 'none.mp4')]: 'FILE_NOT_FOUND',
    [join(empty, 'below')]: 'FILE_UNREADABLE',
    [empty]: 'FILE_EMPTY',
    [fifo]: 'FILE_NOT_REGULAR',
    [socket]: 'FILE_NOT_REGULAR',
    '/dev/null': 'FILE_NOT_REGULAR',
    '': 'FILE_NOT_FOUND',
    // Root reads everything.
    ...(process.getuid?.() !== 0 && { [secret]: 'FILE_UNREADABLE' }),
  };
  for (const [path, reason] of Object.entries(cases)) {
    const { code, stderr, events } = await kerkis('upload', path, '--json');
    expect({ path, code, told: events() }).toEqual({
      path,
      code: 1,
      told: [{ event: 'failed', reason, message: expect.any(String) }],
    });
    expect(stderr).toContain(reason);
  }
  expect(listening.listening).toBe(true);
});

test('npx runs it on Node 26, whatever Node the system has', async () => {
  const root = join(import.meta.dirname, '..', '..', '..');
  const { NODE_OPTIONS: _, ...env } = process.env;
  const PATH = (env.PATH ?? '')
    .split(':')
    .filter((folder) => !folder.includes('node_modules'))
    .join(':');
  const args = ['--no-install', 'kerkis', '--version'];
  const child = spawn('npx', args, { cwd: root, env: { ...env, PATH } });
  const { code, stdout } = await outcomeOf(child);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});
