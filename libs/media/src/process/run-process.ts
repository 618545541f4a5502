import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { type Confinement, confine } from './confine.ts';
import { standBack } from './stand-back.ts';
import type { MediaTools } from './tools.ts';

/** How a process ended. */
export interface ProcessEnd {
  /** Undefined when a signal ended it. */
  readonly exitCode?: number;
  readonly signalName?: string;
  readonly isTimedOut: boolean;
  readonly isAborted: boolean;
  /** Last lines of standard error. */
  readonly errorLines: readonly string[];
}

/** A process that runs. Its streams must be read, or it stops when they are full. */
export interface RunningProcess {
  readonly stdout: Readable;
  /** File descriptors 3, 4, … in this order. */
  readonly pipes: readonly Readable[];
  /** Resolves when the process has ended, however it did; never rejects. */
  readonly ended: Promise<ProcessEnd>;
  /** TERM to the whole group, then KILL after five seconds. Does nothing once it has ended. */
  stop(): void;
  /** Lets others go first from now on, 0–19. More than that cannot be taken back. */
  standBack(niceness: number): void;
}

/** What to start. */
export interface ProcessOptions extends Confinement {
  /** How many file descriptors from 3 on are pipes to read from. */
  readonly pipeCount?: number;
  /**
   * What it reads from standard input; nothing by default. When this throws, the process sees the end of its input: whoever gives
   * it knows of the error.
   */
  readonly input?: AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal | undefined;
}

/** Time between TERM and KILL. ffmpeg can be deaf to TERM while a filter is busy. */
const killDelayMs = 5_000;
const keptErrorLines = 40;
const keptLineLength = 500;

/** Starts a confined command in its own process group, with an empty environment. */
export function startProcess(
  tools: MediaTools,
  command: readonly string[],
  options: ProcessOptions,
): RunningProcess {
  const { pipeCount = 0, input, signal, limits } = options;
  const [file = '', ...args] = confine(tools, command, options);
  const child = spawn(file, args, {
    detached: true,
    stdio: [
      input === undefined ? 'ignore' : 'pipe',
      'pipe',
      'pipe',
      ...Array<'pipe'>(pipeCount).fill('pipe'),
    ],
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8', AV_LOG_FORCE_NOCOLOR: '1' },
    cwd: '/',
  });
  const [stdin, stdout, stderr, ...pipes] = child.stdio as [
    Writable | null,
    Readable,
    Readable,
    ...Readable[],
  ];
  // A process that has enough, or fails, closes it.
  if (input !== undefined && stdin !== null) pipeline(input, stdin).catch(() => {});
  const letOthersGoFirst = (niceness: number) => {
    // It has a session of its own, because it is detached.
    if (child.pid !== undefined && !state.hasEnded) void standBack(child.pid, niceness);
  };
  const tail = keepTail(stderr);
  const state = { isTimedOut: false, isAborted: false, hasEnded: false, isStopping: false };
  let killTimer: NodeJS.Timeout | undefined;

  if (options.niceness) letOthersGoFirst(options.niceness);
  const signalGroup = (name: 'SIGTERM' | 'SIGKILL') => {
    if (child.pid === undefined || state.hasEnded) return;
    try {
      process.kill(-child.pid, name);
    } catch {
      // The group has ended between the check and the call.
    }
  };
  const stop = () => {
    if (state.isStopping) return;
    state.isStopping = true;
    signalGroup('SIGTERM');
    killTimer = setTimeout(() => signalGroup('SIGKILL'), killDelayMs);
  };
  const onAbort = () => {
    state.isAborted = true;
    stop();
  };
  const timeout = setTimeout(() => {
    state.isTimedOut = true;
    stop();
  }, limits.timeoutMs);
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });

  const { promise, resolve } = Promise.withResolvers<ProcessEnd>();
  const finish = async (end: Pick<ProcessEnd, 'exitCode' | 'signalName'>) => {
    // TERM in the moment when bubblewrap starts ends only its outer process: the inner one is deaf to it, and would stay.
    signalGroup('SIGKILL');
    state.hasEnded = true;
    clearTimeout(timeout);
    clearTimeout(killTimer);
    signal?.removeEventListener('abort', onAbort);
    await finished(stderr).catch(() => {});
    const { isTimedOut, isAborted } = state;
    resolve({ ...end, isTimedOut, isAborted, errorLines: tail() });
  };
  child.once('error', (error) => finish({ exitCode: 127, signalName: error.message }));
  // Not `close`, which would wait for readers that have given up.
  child.once('exit', (code, name) => finish(endOf(code, name)));
  return { stdout, pipes, ended: promise, stop, standBack: letOthersGoFirst };
}

/** bubblewrap reports the signal that ended its child as 128 and its number. */
function endOf(code: number | null, name: string | null): Pick<ProcessEnd, 'exitCode' | 'signalName'> {
  const signalNumber = (code ?? 0) - 128;
  const inner = Object.entries(constants.signals).find(([, value]) => value === signalNumber)?.[0];
  const signalName = name ?? inner;
  return signalName === undefined ? { exitCode: code ?? 0 } : { signalName };
}

/** Reads a stream and keeps its last lines. */
function keepTail(stream: Readable): () => string[] {
  const lines: string[] = [];
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const parts = (rest + chunk).split(/[\r\n]+/);
    rest = (parts.pop() ?? '').slice(0, keptLineLength);
    lines.push(...parts.filter((line) => line !== '').map((line) => line.slice(0, keptLineLength)));
    lines.splice(0, lines.length - keptErrorLines);
  });
  stream.on('error', () => {});
  return () => (rest === '' ? [...lines] : [...lines, rest]);
}
