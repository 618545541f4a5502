import { setTimeout as sleep } from 'node:timers/promises';
import { type ProcessSpec, startProcess, type TestProcess } from '../../e2e/harness/process.ts';

/** A process that is started again whenever it ends, like a container. Disposal ends it for good. */
export interface Supervised extends AsyncDisposable {
  readonly name: string;
  /** Undefined while it is down. */
  pid(): number | undefined;
  /** Ends it with SIGKILL; false when it was down. */
  kill(): Promise<boolean>;
  /** How often it ended without having been killed, with its last words. */
  readonly crashes: readonly string[];
  output(): string;
}

const restartPauseMs = 300;
const keptChars = 2_000;

/** Starts it, once. What comes after is the supervisor's. */
export async function supervise(name: string, spec: ProcessSpec): Promise<Supervised> {
  const crashes: string[] = [];
  const stopping = new AbortController();
  let output = '';
  let isKilled = false;
  let running: TestProcess | undefined = await startProcess(spec);
  const watching = watch();

  async function watch(): Promise<void> {
    while (!stopping.signal.aborted) {
      running ??= await startProcess(spec);
      const process = running;
      const { code, signal } = await process.ended;
      running = undefined;
      output = `${process.stderr()} ${process.lines.join('\n')}`.slice(-keptChars);
      if (!isKilled && !stopping.signal.aborted)
        crashes.push(`${name} ended with ${code ?? signal}: ${output}`);
      isKilled = false;
      await sleep(restartPauseMs, undefined, { signal: stopping.signal }).catch(() => {});
    }
  }

  return {
    name,
    crashes,
    pid: () => running?.pid,
    async kill() {
      const victim = running;
      if (!victim) return false;
      isKilled = true;
      victim.signal('SIGKILL');
      await victim.ended;
      return true;
    },
    output: () => running?.stderr() ?? output,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await running?.[Symbol.asyncDispose]();
      await watching;
    },
  };
}
