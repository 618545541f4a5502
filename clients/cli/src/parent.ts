import { readFileSync } from 'node:fs';

const intervalMs = 500;

/**
 * Aborted when npx, below which this process runs, is gone. npx starts a command through a shell, passes TERM on to that shell
 * alone, and KILL to nobody: without this the mesh would stay and keep its port. Started without npx it is never aborted, so
 * that a daemon may outlive who started it.
 */
export function whenParentDies(env: Readonly<Record<string, string | undefined>>): AbortSignal {
  const gone = new AbortController();
  if (env.npm_lifecycle_event !== 'npx') return gone.signal;
  const ancestors = ancestorsUpToNpm().join();
  const timer = setInterval(() => {
    if (ancestorsUpToNpm().join() === ancestors) return;
    clearInterval(timer);
    gone.abort();
  }, intervalMs).unref();
  return gone.signal;
}

/** Process ids from our parent to npm, which calls itself `npm exec …`; without it only our parent. */
function ancestorsUpToNpm(): readonly number[] {
  const pids: number[] = [];
  for (let pid = process.ppid; pid > 1 && pids.length < 4; ) {
    pids.push(pid);
    const { name, parent } = readProcess(pid);
    if (name.startsWith('npm')) return pids;
    pid = parent;
  }
  return pids.slice(0, 1);
}

/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: `pid (name) state parent …`, where the name may hold anything. */
function readProcess(pid: number): { name: string; parent: number } {
  try {
    const [, name = '', parent = '0'] =
      /^\d+ \((.*)\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return { name, parent: Number(parent) };
  } catch {
    return { name: '', parent: 0 };
  }
}
