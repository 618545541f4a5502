import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { standBack } from './stand-back.ts';

test.skipIf(!existsSync('/proc/self/autogroup'))(
  'the session of a process stands back, and no other',
  async () => {
    const [one, two] = [0, 1].map(() => spawn('sleep', ['30'], { detached: true, stdio: 'ignore' }));
    const groupOf = async (pid = 0) => await readFile(`/proc/${pid}/autogroup`, 'utf8');
    try {
      await standBack(one?.pid ?? 0, 19);
      expect(await groupOf(one?.pid)).toMatch(/ nice 19$/m);
      expect(await groupOf(two?.pid)).toMatch(/ nice 0$/m);
    } finally {
      one?.kill('SIGKILL');
      two?.kill('SIGKILL');
    }
  },
);

test('a process that has ended is none of its business', async () => {
  await expect(standBack(2 ** 22 + 1, 19)).resolves.toBeUndefined();
});
