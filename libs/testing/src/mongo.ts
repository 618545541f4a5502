import { randomUUID } from 'node:crypto';
import { toolPath } from '@kerkis/tools';
import { MongoClient } from 'mongodb';
import { freePort } from './free-port.ts';
import { startServerProcess } from './server-process.ts';
import { tempDir } from './temp-dir.ts';
import { startWriteLockProxy } from './write-lock-proxy.ts';

/** A server that speaks the MongoDB wire protocol. */
export interface MongoServer extends AsyncDisposable {
  /** Connection string of a database of this test run; the same name gives the same database. */
  url(databaseName: string): string;
}

/**
 * Starts FerretDB with its SQLite backend, or uses the server that the environment variable KERKIS_TEST_MONGODB_URL
 * names. The databases that `url` gave are gone after disposal.
 */
export async function startMongo(): Promise<MongoServer> {
  const given = process.env.KERKIS_TEST_MONGODB_URL;
  return given ? useServer(given) : startFerretdb();
}

async function startFerretdb(): Promise<MongoServer> {
  const command = toolPath('ferretdb', process.env);
  await using cleanup = new AsyncDisposableStack();
  const directory = cleanup.use(await tempDir('ferretdb')).path;
  const port = await freePort();
  const args = ['--handler=sqlite', `--sqlite-url=file:${directory}/`, `--state-dir=${directory}`];
  args.push(`--listen-addr=127.0.0.1:${port}`, '--debug-addr=-', '--telemetry=disable', '--log-level=warn');
  cleanup.use(await startServerProcess({ name: 'ferretdb', command, args, directory, port }));
  const proxy = cleanup.use(await startWriteLockProxy(port));
  const resources = cleanup.move();
  return {
    url: (databaseName) => `mongodb://127.0.0.1:${proxy.port}/${databaseName}`,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function useServer(serverUrl: string): MongoServer {
  const run = randomUUID().slice(0, 8);
  const databases = new Map<string, string>();
  return {
    url(databaseName) {
      const name = `${databaseName}_${run}`;
      const url = new URL(serverUrl);
      url.pathname = `/${name}`;
      databases.set(name, url.href);
      return url.href;
    },
    async [Symbol.asyncDispose]() {
      const client = new MongoClient(serverUrl);
      for (const name of databases.keys()) await client.db(name).dropDatabase();
      await client.close();
    },
  };
}
