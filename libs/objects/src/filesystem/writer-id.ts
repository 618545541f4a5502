import { createHash, randomBytes } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { codeOf } from './errors.ts';

/** Processes of one pid namespace of one host can tell whether another of them lives. */
const scope = createHash('sha256').update(`${hostname()} ${pidNamespace()}`).digest('hex').slice(0, 12);

/** When this process began, in milliseconds of the clock that is never set; equal in all of its threads. */
const startMs = Number(process.hrtime.bigint()) / 1e6 - process.uptime() * 1000;

/** A new name for one writing, which tells the process that does it. */
export function newWriterId(): string {
  return `${scope}-${process.pid}-${Math.round(startMs)}-${randomBytes(8).toString('hex')}`;
}

/** Whether the process of a writing has certainly ended. Of one on another host nothing is certain. */
export function hasCertainlyEnded(writerId: string): boolean {
  const [writerScope, pid = '', beganMs = ''] = writerId.split('-');
  if (writerScope !== scope || !/^[1-9]\d*$/.test(pid)) return false;
  // The same number was given to an earlier process, as each container gives it to its first.
  if (Number(pid) === process.pid) return Math.abs(Number(beganMs) - startMs) > 1000;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return codeOf(error) === 'ESRCH';
  }
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}
