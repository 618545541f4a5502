import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** So often the kernel lets somebody who is not root set it: each tenth of a second, for all processes together. */
const tries = 20;
const betweenMs = 120;

/**
 * Makes the session of a process stand back for others. Linux shares the processors among sessions first (sched_autogroup(7)), so
 * that `nice` alone changes nothing between two of them: of two encodes that run at niceness 19 a third one at 0 would wait for both.
 * Where there are no such groups, or the process has ended, nothing is to be done.
 */
export async function standBack(pid: number, niceness: number): Promise<void> {
  for (let attempt = 1; attempt <= tries; attempt++) {
    try {
      return await writeFile(`/proc/${pid}/autogroup`, `${niceness}`);
    } catch (error) {
      const isBusy = error instanceof Error && 'code' in error && error.code === 'EAGAIN';
      if (!isBusy) return;
      await delay(betweenMs, undefined, { ref: false });
    }
  }
}
