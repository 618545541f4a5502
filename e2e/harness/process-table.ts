import { readdirSync, readFileSync } from 'node:fs';

/** A process as the kernel lists it; two with the same pid and start are the same one. */
export interface ListedProcess {
  readonly pid: number;
  readonly parent: number;
  /** File name of the program, at most 15 characters. */
  readonly name: string;
  /** When it started, in ticks since boot. */
  readonly start: string;
}

/** Children of a process, their children, and so on. */
export function descendants(pid: number): ListedProcess[] {
  const all = listProcesses();
  const found: ListedProcess[] = [];
  const parents = [pid];
  for (const parent of parents) {
    for (const child of all.filter((each) => each.parent === parent)) {
      found.push(child);
      parents.push(child.pid);
    }
  }
  return found;
}

/** Those that still run. */
export function stillRunning(processes: readonly ListedProcess[]): ListedProcess[] {
  const all = listProcesses();
  return processes.filter(({ pid, start }) => all.some((each) => each.pid === pid && each.start === start));
}

/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html; what has ended and waits for its parent (Z) does not count. */
function listProcesses(): ListedProcess[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    let text: string;
    try {
      text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    } catch {
      return [];
    }
    const [, name = '', rest = ''] = /^\d+ \((.*)\) (.*)$/s.exec(text.trimEnd()) ?? [];
    const [state, parent, ...fields] = rest.split(' ');
    return state === 'Z' ? [] : [{ pid: Number(pid), parent: Number(parent), name, start: fields[17] ?? '' }];
  });
}
