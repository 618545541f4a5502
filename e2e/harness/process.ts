import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { toolPath } from '@kerkis/tools';

const stopGraceMs = 30_000;
const keptChars = 32_768;

/** How a process ended: one of the two is null. */
interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process that a test started. Disposal ends it with TERM, then KILL. */
export interface TestProcess extends AsyncDisposable {
  readonly pid: number;
  /** Lines of stdout so far. */
  readonly lines: readonly string[];
  /** The last of what it wrote to stderr. */
  stderr(): string;
  /** Waits for a line of stdout; throws with stderr when it ends before. */
  line(fits: (line: string) => boolean): Promise<string>;
  signal(signal: NodeJS.Signals): void;
  readonly ended: Promise<ProcessEnd>;
}

/** What to start. */
export interface ProcessSpec {
  readonly command: string;
  readonly args: readonly string[];
  /** On top of PATH and HOME; nothing else is inherited. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
}

/** Starts a process that ends with this one, however this one ends. */
export async function startProcess(spec: ProcessSpec): Promise<TestProcess> {
  const { PATH = '', HOME = '' } = process.env;
  const setpriv = toolPath('setpriv', process.env);
  const child = spawn(setpriv, ['--pdeathsig', 'KILL', '--', spec.command, ...spec.args], {
    cwd: spec.directory,
    env: { PATH, HOME, ...spec.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  let errors = '';
  let hasEnded = false;
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-keptChars);
  });
  const reader = createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  await once(child, 'spawn');
  const ended = once(child, 'close').then(([code, signal]): ProcessEnd => {
    hasEnded = true;
    return { code, signal };
  });

  return {
    pid: child.pid as number,
    lines,
    stderr: () => errors,
    signal: (signal) => void child.kill(signal),
    ended,
    async line(fits) {
      const found = Promise.withResolvers<string>();
      const look = (line: string) => fits(line) && found.resolve(line);
      lines.forEach(look);
      reader.on('line', look);
      const end = ended.then(({ code, signal }) => {
        throw new Error(`${spec.command} ended with ${code ?? signal}: ${errors}`);
      });
      return Promise.race([found.promise, end]).finally(() => reader.off('line', look));
    },
    async [Symbol.asyncDispose]() {
      if (hasEnded) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), stopGraceMs);
      await ended;
      clearTimeout(timer);
    },
  };
}
