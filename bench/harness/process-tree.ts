import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts CPU time of processes in hundredths of a second, on every machine. */
const ticksPerSecond = 100;

interface Entry {
  readonly pid: number;
  readonly parent: number;
  /** Of the process and of its children that have ended and were waited for. */
  readonly cpuTicks: number;
}

/** What a process took of memory. */
export interface ProcessPeak {
  readonly name: string;
  readonly bytes: number;
}

/**
 * CPU seconds of processes and everything that they ever started: those that ended count through the parent that waited for
 * them, and those that wait for their parent are still listed. Children of a parent that ended without waiting count only where
 * the tree inherits them.
 */
export function treeCpuSeconds(roots: readonly number[]): number {
  return treeOf(roots).reduce((sum, { cpuTicks }) => sum + cpuTicks, 0) / ticksPerSecond;
}

/** CPU seconds of all children of this process that have ended and were waited for. */
export function endedChildrenCpuSeconds(): number {
  const [user, system] = statFields(process.pid)?.slice(13, 15) ?? [];
  return (Number(user) + Number(system)) / ticksPerSecond;
}

/** Highest resident memory that one process of the tree had at any time of its life, and its name. */
export function treePeak(root: number): ProcessPeak {
  const peaks = treeOf([root]).map(({ pid }) => peakOf(pid));
  return peaks.reduce((highest, peak) => (peak.bytes > highest.bytes ? peak : highest), {
    name: '',
    bytes: 0,
  });
}

/** `Name` and `VmHWM` of https://man7.org/linux/man-pages/man5/proc_pid_status.5.html */
function peakOf(pid: number): ProcessPeak {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const [, name = ''] = /^Name:\s+(.*)$/m.exec(status) ?? [];
    const [, kib = '0'] = /^VmHWM:\s+(\d+) kB/m.exec(status) ?? [];
    return { name, bytes: Number(kib) * 1024 };
  } catch {
    return { name: '', bytes: 0 };
  }
}

function treeOf(roots: readonly number[]): Entry[] {
  const all = entries();
  const children = Map.groupBy(all, ({ parent }) => parent);
  const found = all.filter(({ pid }) => roots.includes(pid));
  for (const { pid } of found) found.push(...(children.get(pid) ?? []));
  return found;
}

function entries(): Entry[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((text) => {
    const pid = Number(text);
    const fields = statFields(pid);
    if (!fields) return [];
    const cpuTicks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return [{ pid, parent: Number(fields[1]), cpuTicks }];
  });
}

/** What follows the name in https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: state, parent, …, utime, stime, cutime, cstime. */
function statFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
