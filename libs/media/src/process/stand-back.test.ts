import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { waitUntil } from '@kerkis/testing';
import { expect, test } from 'vitest';
import { startFfmpeg } from './run-ffmpeg.ts';
import { standBack } from './stand-back.ts';
import { locateMediaTools } from './tools.ts';

const endless = ['-nostdin', '-v', 'error', '-re', '-f', 'lavfi', '-i', 'testsrc', '-f', 'null', '-'];

/** The sessions of what this process has started, with how far each stands back. */
function sessionsOfChildren(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const parent = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1];
        const nice = readFileSync(`/proc/${pid}/autogroup`, 'utf8').split('nice ')[1]?.trim() ?? '';
        return Number(parent) === process.pid ? [nice] : [];
      } catch {
        // It has ended meanwhile.
        return [];
      }
    });
}

test.skipIf(!existsSync('/proc/self/autogroup'))(
  'the session of one ffmpeg stands back, from its start on or later, and no other',
  async () => {
    const tools = await locateMediaTools({ sandbox: 'auto' });
    const before = sessionsOfChildren();
    const started = [19, 0, 0].map((niceness) => startFfmpeg(endless, { tools, readable: [], niceness }));
    const now = () => {
      const found = sessionsOfChildren();
      for (const known of before) found.splice(found.indexOf(known), 1);
      return found.toSorted().join();
    };
    try {
      await waitUntil(() => now() === '0,0,19');
      started[1]?.standBack(4);
      await waitUntil(() => now() === '0,19,4');
    } finally {
      for (const { stop } of started) stop();
      await Promise.allSettled(started.map(({ ended }) => ended));
    }
  },
);

test('a process that has ended is none of its business', async () => {
  await expect(standBack(2 ** 22 + 1, 19)).resolves.toBeUndefined();
});
