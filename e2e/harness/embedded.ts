import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { tempDir } from '@kerkis/testing';
import { kerkis } from './cli.ts';
import { createClients } from './clients.ts';
import { filesBelow } from './files-below.ts';
import { startProcess, type TestProcess } from './process.ts';
import { type Settings, usualSettings } from './settings.ts';
import type { TestMesh } from './test-mesh.ts';

/** The mesh as `kerkis up` runs it. */
export interface EmbeddedMesh extends TestMesh {
  readonly process: TestProcess;
  readonly dataDirectory: string;
}

/** How it is started. */
export interface EmbeddedOptions {
  readonly settings?: Settings;
  /** Default: a new one that is deleted afterwards. */
  readonly dataDirectory?: string;
  /** Program and arguments that run the command in their turn, such as `taskset`. */
  readonly wrapper?: readonly string[];
}

/** Starts `kerkis up` and waits until it says that it serves. */
export async function startEmbedded({
  settings,
  dataDirectory,
  wrapper = [],
}: EmbeddedOptions = {}): Promise<EmbeddedMesh> {
  await using stack = new AsyncDisposableStack();
  const own = stack.use(await tempDir('e2e')).path;
  const data = dataDirectory ?? join(own, 'data');
  const temporary = join(own, 'tmp');
  await mkdir(temporary);
  const [command = '', ...args] = [...wrapper, kerkis, 'up', '--port', '0', '--data', data, '--json'];
  const up = stack.use(
    await startProcess({
      command,
      args,
      environment: { ...usualSettings, TMPDIR: temporary, ...settings },
    }),
  );
  const ready = JSON.parse(await up.line((line) => line.includes('"ready"'))) as { url: string };
  const objects = join(data, 'objects');
  const resources = stack.move();
  return {
    url: ready.url,
    process: up,
    dataDirectory: data,
    clients: createClients(ready.url),
    objectKeys: () => filesBelow(objects),
    scratchDirectories: [join(data, 'scratch'), temporary],
    output: up.stderr,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
