import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isObjectKey } from '../key.ts';
import type { ObjectEntry } from '../object-store.ts';
import { storage, unless } from './errors.ts';
import { etagOf, type Root, statFile } from './root.ts';

/** The objects whose key begins with the prefix, in the order of their keys' bytes, as S3 lists them. */
export async function* walk(root: Root, prefix: string): AsyncGenerator<ObjectEntry> {
  const slash = prefix.lastIndexOf('/');
  yield* walkDirectory(root, slash < 0 ? '' : prefix.slice(0, slash), prefix);
}

async function* walkDirectory(root: Root, directory: string, prefix: string): AsyncGenerator<ObjectEntry> {
  for (const { key, isDirectory } of await readEntries(root, directory)) {
    if (isDirectory) {
      if (`${key}/`.startsWith(prefix) || prefix.startsWith(`${key}/`))
        yield* walkDirectory(root, key, prefix);
      continue;
    }
    if (!key.startsWith(prefix)) continue;
    const stats = await storage(() => statFile(root, key));
    if (stats === undefined) continue;
    yield {
      key,
      sizeBytes: Number(stats.size),
      etag: etagOf(stats),
      modifiedAt: new Date(Number(stats.mtimeMs)),
    };
  }
}

/** Files and directories that can be objects or hold some; links, devices and foreign names are passed over. */
async function readEntries(root: Root, directory: string) {
  const found = await storage(() =>
    unless(['ENOENT', 'ENOTDIR'], readdir(join(root, directory), { withFileTypes: true })),
  );
  const entries = (found ?? [])
    .filter((entry: Dirent) => entry.isFile() || entry.isDirectory())
    .map((entry) => ({
      key: directory === '' ? entry.name : `${directory}/${entry.name}`,
      isDirectory: entry.isDirectory(),
    }))
    .filter(({ key }) => isObjectKey(key));
  // A directory sorts by its name with the slash that its keys have there.
  const order = (entry: { key: string; isDirectory: boolean }) =>
    entry.isDirectory ? `${entry.key}/` : entry.key;
  return entries.sort((a, b) => (order(a) < order(b) ? -1 : 1));
}
