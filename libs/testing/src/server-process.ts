import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { toolPath } from '@kerkis/tools';

const maxOutputChars = 16_384;
const termGraceMs = 5_000;

/** How to start a server and how to know that it serves. */
export interface ServerSpec {
  /** For error messages. */
  readonly name: string;
  /** Absolute path of the program. */
  readonly command: string;
  readonly args: readonly string[];
  /** Working directory. */
  readonly directory: string;
  /** Environment on top of PATH and HOME; nothing else is inherited. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Loopback port that accepts connections once the server serves. */
  readonly port: number;
  /** Default 20 s. */
  readonly timeoutMs?: number;
}

/** A running server. Disposal ends it with TERM, then KILL. */
export interface ServerProcess extends AsyncDisposable {
  readonly pid: number;
  /** The last of what it wrote to stdout and stderr. */
  output(): string;
  /** Sends the signal and waits for the end. */
  stop(signal: NodeJS.Signals): Promise<void>;
}

/**
 * Starts a server that ends with this process, however this process ends, and waits until it accepts connections.
 *
 * Throws an Error with the server's last output when it ends or stays silent instead.
 */
export async function startServerProcess(spec: ServerSpec): Promise<ServerProcess> {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(
    toolPath('setpriv', process.env),
    ['--pdeathsig', 'KILL', '--', spec.command, ...spec.args],
    {
      cwd: spec.directory,
      env: { PATH, HOME, ...spec.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const output = collectOutput(child);
  await once(child, 'spawn');
  const server: ServerProcess = {
    pid: child.pid as number,
    output,
    stop: (signal) => stop(child, signal),
    [Symbol.asyncDispose]: () => stop(child, 'SIGTERM'),
  };
  try {
    await waitForPort(spec, child);
  } catch (error) {
    await server.stop('SIGKILL');
    throw new Error(`${spec.name} did not start: ${(error as Error).message}\n${output()}`, { cause: error });
  }
  return server;
}

function collectOutput(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-maxOutputChars);
    });
  }
  return () => text;
}

async function waitForPort({ port, timeoutMs = 20_000 }: ServerSpec, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    if (hasEnded(child)) throw new Error(`it ended with ${child.exitCode ?? child.signalCode}`);
    if (await accepts(port)) return;
    await sleep(20);
  }
  throw new Error(`nothing accepts connections on port ${port} after ${timeoutMs} ms`);
}

function accepts(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ port, host: '127.0.0.1' });
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  return promise.finally(() => socket.destroy());
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), termGraceMs);
  await ended;
  clearTimeout(timer);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
