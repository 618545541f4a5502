// Shows the mesh at work: `npm run demo [-- FILE] [-- --exit] [--port N] [--data DIR]`. Starts `kerkis up`, uploads FILE or a
// generated clip with `kerkis upload`, prints where it plays and serves until Ctrl-C. With --exit it stops there.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { makeMedia } from '@kerkis/testing';
import { toolPath } from '@kerkis/tools';

const root = join(import.meta.dirname, '..');
const usualPort = 4400;
const { values, positionals } = readArguments();
const dataDirectory = resolve(values.data ?? join(root, 'data', 'demo'));
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());

try {
  await demo();
} catch (error) {
  if (!stopping.signal.aborted) {
    console.error(`The demo failed: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
}

async function demo(): Promise<void> {
  // npm changes to the root of the repository, and keeps where it was called.
  const [given] = positionals.map((path) => resolve(process.env.INIT_CWD ?? '.', path));
  const file = given ?? (await generatedClip());
  const port = values.port ?? (await portToServe());
  const shown = relative(process.cwd(), dataDirectory);
  console.log(`Starting the mesh with its data in ${shown.startsWith('..') ? dataDirectory : shown} ...`);
  await using mesh = await startMesh(port);
  console.log(`It serves on ${mesh.url}.\n\n$ npx kerkis upload ${file} --wait ready --server ${mesh.url}`);
  await upload(file, mesh.url);
  if (values.exit) return;
  console.log('\nOpen the player page in a browser. Ctrl-C stops the mesh.');
  await Promise.race([aborted(), once(mesh.child, 'exit')]);
  if (!stopping.signal.aborted) throw new Error('the mesh ended by itself; its last words are above.');
  console.log('Stopping ...');
}

function readArguments() {
  try {
    return parseArgs({
      args: process.argv.slice(2).filter((argument) => argument !== '--'),
      allowPositionals: true,
      options: { exit: { type: 'boolean' }, port: { type: 'string' }, data: { type: 'string' } },
    });
  } catch (error) {
    console.error(
      `${error instanceof Error ? error.message : error}\nUsage: npm run demo -- [FILE] [--exit] [--port N] [--data DIR]`,
    );
    process.exit(2);
  }
}

async function generatedClip(): Promise<string> {
  console.log('Making a clip of 30 seconds in 1080p with sound (kept for the next time) ...');
  return await makeMedia('demo-1080p', { seconds: 30, video: { width: 1920, height: 1080 } });
}

/** The usual one, so that the addresses in the documentation hold; another one where that is taken. */
async function portToServe(): Promise<string> {
  const server = createServer();
  const isFree = await new Promise<boolean>((settle) => {
    server.once('error', () => settle(false)).listen(usualPort, '127.0.0.1', () => settle(true));
  });
  if (!isFree) return '0';
  server.close();
  await once(server, 'close');
  return `${usualPort}`;
}

async function startMesh(port: string): Promise<AsyncDisposable & { url: string; child: ChildProcess }> {
  const child = kerkis(['up', '--json', '--port', port, '--data', dataDirectory]);
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const ended = once(child, 'close').then(() => {
    throw new Error('the mesh did not start; the reason is above.');
  });
  const [line] = (await Promise.race([once(lines, 'line'), ended])) as [string];
  ended.catch(() => {});
  const { event, url } = JSON.parse(line);
  if (event !== 'ready') throw new Error('the mesh did not start; the reason is above.');
  return {
    url,
    child,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

async function upload(file: string, server: string): Promise<void> {
  const child = kerkis(['upload', file, '--wait', 'ready', '--server', server]);
  child.stdout?.pipe(process.stdout, { end: false });
  const stop = () => child.kill('SIGTERM');
  stopping.signal.addEventListener('abort', stop);
  const [code] = await once(child, 'close');
  stopping.signal.removeEventListener('abort', stop);
  if (code !== 0) throw new Error('the upload failed; the reason is above.');
}

/** Ends with us, and in a process group of its own, so that Ctrl-C comes to us alone and everything ends in order. */
function kerkis(args: readonly string[]): ChildProcess {
  const main = join(root, 'clients', 'cli', 'src', 'main.ts');
  const command = [process.execPath, main, ...args];
  return spawn(toolPath('setpriv', process.env), ['--pdeathsig', 'TERM', '--', ...command], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
}

async function aborted(): Promise<void> {
  if (!stopping.signal.aborted) await once(stopping.signal, 'abort');
}
