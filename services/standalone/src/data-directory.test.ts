import { execFile } from 'node:child_process';
import { chmod, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { tempDir } from '@kerkis/testing';
import { expect, test } from 'vitest';
import { openDataDirectory } from './data-directory.ts';

const execute = promisify(execFile);
const module = join(import.meta.dirname, 'data-directory.ts');

test('it is made for its owner only', async () => {
  await using parent = await tempDir();
  using directory = await openDataDirectory(join(parent.path, 'a', 'b'));
  expect((await stat(directory.path)).mode & 0o777).toBe(0o700);
});

test('one process holds it at a time, and the other one is told which', async () => {
  await using parent = await tempDir();
  {
    using directory = await openDataDirectory(parent.path);
    await expect(openDataDirectory(directory.path)).rejects.toMatchObject({
      kind: 'precondition',
      reason: 'DATA_DIRECTORY_IN_USE',
      details: { pid: `${process.pid}` },
    });
  }
  using _again = await openDataDirectory(parent.path);
});

test('a killed process leaves nothing in the way', async () => {
  await using parent = await tempDir();
  const script = `
    const { openDataDirectory } = await import(${JSON.stringify(module)});
    await openDataDirectory(${JSON.stringify(parent.path)});
    process.kill(process.pid, 'SIGKILL');`;
  await expect(execute(process.execPath, ['--input-type=module', '-e', script])).rejects.toMatchObject({
    signal: 'SIGKILL',
  });
  using _taken = await openDataDirectory(parent.path);
});

test('a path that is no directory is refused', async () => {
  await using parent = await tempDir();
  const file = join(parent.path, 'file');
  await writeFile(file, '');
  await chmod(file, 0o600);
  for (const path of [file, join(file, 'below')]) {
    await expect(openDataDirectory(path)).rejects.toMatchObject({ reason: 'DATA_DIRECTORY_UNUSABLE' });
  }
});
