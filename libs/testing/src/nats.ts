import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { toolPath } from '@kerkis/tools';
import { freePort } from './free-port.ts';
import { type ServerProcess, startServerProcess } from './server-process.ts';
import { tempDir } from './temp-dir.ts';

/** Which NATS server and where it stores. */
export interface NatsOptions {
  /** `debian`: the oldest one that Kerkis supports, 2.9.10 or what PATH has. `current`: a recent release. */
  readonly version?: 'debian' | 'current';
  /** Directory of the JetStream store. Default: a new one that is deleted on disposal. */
  readonly storeDir?: string;
}

/** A NATS server with JetStream on a port of its own. */
export interface NatsServer extends AsyncDisposable {
  /** `nats://127.0.0.1:<port>`; the same after a restart. */
  readonly url: string;
  /** Directory of the JetStream store; delete it between kill and restart to wipe NATS. */
  readonly storeDir: string;
  /** Kills it with SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again on the same port and store, after ending it if it still runs. */
  restart(): Promise<void>;
}

/** Starts `nats-server` with JetStream and waits until it accepts clients. */
export async function startNats({
  version = 'debian',
  storeDir: given,
}: NatsOptions = {}): Promise<NatsServer> {
  const command = toolPath(version === 'debian' ? 'nats-server' : 'nats-server-current', process.env);
  await using cleanup = new AsyncDisposableStack();
  const directory = cleanup.use(await tempDir('nats')).path;
  const storeDir = given ?? join(directory, 'store');
  const port = await freePort();
  const args = ['--addr', '127.0.0.1', '--port', `${port}`, '--name', `test-${randomUUID()}`];
  args.push('--jetstream', '--store_dir', storeDir);
  const start = () => startServerProcess({ name: 'nats-server', command, args, directory, port });
  let running: ServerProcess = await start();
  cleanup.defer(() => running[Symbol.asyncDispose]());
  const resources = cleanup.move();
  return {
    url: `nats://127.0.0.1:${port}`,
    storeDir,
    kill: () => running.stop('SIGKILL'),
    async restart() {
      await running[Symbol.asyncDispose]();
      running = await start();
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
