import { once } from 'node:events';
import { copyFile, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { makeMedia } from '@kerkis/testing';

/** A file that nobody may read and a port that nobody may reach: attack files name both. */
export interface Canary extends AsyncDisposable {
  /** A video that would play. */
  readonly file: string;
  readonly port: number;
  readonly connections: number;
  /** Whether the file was read; undefined where the file system keeps no time of access. */
  wasRead(): Promise<boolean | undefined>;
}

/** A time of access that is older than the last change is renewed by the next read, also with `relatime`. */
const longAgo = new Date('2001-01-01T00:00:00Z');

/** Puts the file into a folder, and listens. */
export async function startCanary(folder: string): Promise<Canary> {
  const file = join(folder, 'canary.mp4');
  await copyFile(await makeMedia('bench-canary', { seconds: 2, video: { width: 160, height: 120 } }), file);
  const probe = join(folder, 'probe');
  await writeFile(probe, 'a');
  for (const path of [file, probe]) await utimes(path, longAgo, new Date());
  const isRead = async (path: string) => (await stat(path)).atimeMs > longAgo.getTime();
  await readFile(probe);
  const tellsReads = await isRead(probe);
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    file,
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    wasRead: async () => (tellsReads ? await isRead(file) : undefined),
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}
