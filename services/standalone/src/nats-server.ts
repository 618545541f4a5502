import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { KerkisError } from '@kerkis/errors';
import type { Logger } from '@kerkis/telemetry';
import { toolPath } from '@kerkis/tools';

/** What the server is started with. */
export interface NatsServerOptions {
  /** Directory of the JetStream store. */
  readonly storeDirectory: string;
  /** Program instead of the one that is found: a path, or a name in PATH. */
  readonly binary?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
}

/** A `nats-server` child on a loopback port. It ends with this process, however this one ends. */
export interface NatsServer extends AsyncDisposable {
  readonly url: string;
  /** Only who has it may connect: other users of this machine reach the port too. */
  readonly token: string;
}

const startTimeoutMs = 20_000;
const termGraceMs = 5_000;
/** A server that ran this long was well: the next restart is quick again. */
const settledMs = 10_000;

/** Starts it and waits until it serves; afterwards it is started again whenever it ends. Throws NATS_SERVER_FAILED. */
export async function startNatsServer(options: NatsServerOptions): Promise<NatsServer> {
  const { logger } = options;
  const token = randomBytes(24).toString('base64url');
  const storeDirectory = resolve(options.storeDirectory);
  await mkdir(storeDirectory, { recursive: true, mode: 0o700 });
  const configFile = join(storeDirectory, 'server.conf');
  await writeFile(configFile, `logtime: false\nauthorization { token: "${token}" }\n`, { mode: 0o600 });
  const port = await freePort();
  const args = ['--config', configFile, '--addr', '127.0.0.1', '--port', `${port}`];
  args.push('--jetstream', '--store_dir', storeDirectory);

  let child = await startChild(options, args);
  const stopping = new AbortController();
  const { signal } = stopping;
  const watching = keepRunning();

  async function keepRunning(): Promise<void> {
    let pauseMs = 100;
    while (!signal.aborted) {
      const startedAt = performance.now();
      await ended(child);
      if (signal.aborted) return;
      const { exitCode, signalCode } = child;
      logger.error({ exitCode, signalCode }, 'nats-server ended: it is started again');
      if (performance.now() - startedAt > settledMs) pauseMs = 100;
      await sleep(pauseMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      pauseMs = Math.min(pauseMs * 2, 5_000);
      await startChild(options, args).then(
        (started) => {
          child = started;
        },
        (err: unknown) => logger.error({ err }, 'nats-server does not start'),
      );
      if (signal.aborted) await stop(child);
    }
  }

  return {
    url: `nats://127.0.0.1:${port}`,
    token,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await stop(child);
      await watching;
    },
  };
}

/** Resolves with the process once it says that it serves. */
async function startChild(
  { binary, environment, logger }: NatsServerOptions,
  args: readonly string[],
): Promise<ChildProcess> {
  const command = binary ?? toolPath('nats-server', environment);
  // A process group of its own: Ctrl-C in the terminal is for us, and the server is needed until we have drained.
  const child = spawn(toolPath('setpriv', environment), ['--pdeathsig', 'KILL', '--', command, ...args], {
    env: { PATH: environment.PATH, HOME: environment.HOME },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  const lastLines: string[] = [];
  const serving = Promise.withResolvers<'serving'>();
  createInterface({ input: child.stderr }).on('line', (line) => {
    relay(line, logger);
    lastLines.push(line);
    if (lastLines.length > 5) lastLines.shift();
    if (line.includes('Server is ready')) serving.resolve('serving');
  });
  const timeout = new AbortController();
  const outcome = await Promise.race([
    serving.promise,
    ended(child).then(() => 'ended' as const),
    sleep(startTimeoutMs, 'silent' as const, { signal: timeout.signal }),
  ]).finally(() => timeout.abort());
  if (outcome === 'serving') return child;
  await stop(child);
  throw new KerkisError(
    'precondition',
    'NATS_SERVER_FAILED',
    `The NATS server ${command} does not start. Its last words: ${lastLines.join(' | ') || 'none'}. Name another program with nats.serverBinary, or a running server with nats.url.`,
  );
}

/** Its lines read `[pid] [INF] text`. */
function relay(line: string, logger: Logger): void {
  const [, severity, text = line] = /\[(TRC|DBG|INF|WRN|ERR|FTL)\] (.*)/.exec(line) ?? [];
  if (severity === 'ERR' || severity === 'FTL') logger.error({ program: 'nats-server' }, text);
  else if (severity === 'INF') logger.debug({ program: 'nats-server' }, text);
  else logger.warn({ program: 'nats-server' }, text);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function stop(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), termGraceMs);
  await ended(child);
  clearTimeout(timer);
}

async function ended(child: ChildProcess): Promise<void> {
  if (!hasEnded(child)) await once(child, 'exit');
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
