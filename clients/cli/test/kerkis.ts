import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { waitUntil } from '@kerkis/testing';

/** The command as a file. */
export const main = join(import.meta.dirname, '..', 'src', 'main.ts');

/** How a command ended, and what it wrote. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Lines of stdout as JSON. */
  events(): Record<string, unknown>[];
}

/** Runs the real command to its end. */
export async function kerkis(...args: string[]): Promise<Outcome> {
  return await outcomeOf(startKerkis(args));
}

/** Starts the real command. */
export function startKerkis(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [main, ...args], { env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Waits for the end of a command. */
export async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  await once(child, 'close');
  const events = () =>
    stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  return { code: child.exitCode, stdout, stderr, events };
}

/** A running `kerkis up`. Disposal ends it by TERM. */
export interface Mesh extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly url: string;
  /** The first line on stdout, as it came. */
  readonly readyLine: string;
  /** What it wrote to stderr so far. */
  log(): string;
}

/** Starts `kerkis up --json` and waits for its first line. */
export async function startMesh(dataDirectory: string, ...args: string[]): Promise<Mesh> {
  return await readyMesh(startKerkis(['up', '--json', '--port', '0', '--data', dataDirectory, ...args]));
}

/** Waits for the first line of a `kerkis up --json` however it was started. */
export async function readyMesh(child: ChildProcess): Promise<Mesh> {
  let log = '';
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    log += text;
  });
  if (child.stdout === null) throw new Error('stdout is not piped');
  const lines = createInterface({ input: child.stdout });
  const [readyLine] = (await Promise.race([
    once(lines, 'line'),
    once(child, 'close').then(() => {
      throw new Error(`kerkis up ended with ${child.exitCode ?? child.signalCode}: ${log}`);
    }),
  ])) as [string];
  return {
    child,
    pid: child.pid ?? 0,
    readyLine,
    url: JSON.parse(readyLine).url,
    log: () => log,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

/** All processes below one, with their command lines. */
export function descendants(pid: number): { pid: number; command: string }[] {
  const parents = new Map<number, number[]>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const parent = Number(/^\d+ \(.*\) \S (\d+)/s.exec(readProc(name, 'stat'))?.[1] ?? 0);
    parents.set(parent, [...(parents.get(parent) ?? []), Number(name)]);
  }
  const below = (id: number): number[] =>
    (parents.get(id) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(pid).map((id) => ({ pid: id, command: readProc(`${id}`, 'cmdline').replaceAll('\0', ' ') }));
}

/** Waits until none of these processes is there. */
export async function untilGone(pids: readonly number[]): Promise<void> {
  await waitUntil(() => pids.every((pid) => readProc(`${pid}`, 'cmdline') === ''));
}

/** What a user's shell would hand over, without the settings of whoever runs the tests. */
export function environment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => name === 'KERKIS_CACHE' || !name.startsWith('KERKIS_'),
  );
  return Object.fromEntries(own);
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
