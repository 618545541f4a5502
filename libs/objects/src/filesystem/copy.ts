import { constants } from 'node:fs';
import { copyFile, link, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { objectExists, objectNotFound } from '../failures.ts';
import { checkKey } from '../key.ts';
import type { CopyOptions } from '../object-store.ts';
import { codeOf, storage } from './errors.ts';
import { type Root, statFile } from './root.ts';
import { publish, temporaryPath } from './temporary.ts';

/**
 * Copies an object. Files of objects are never written to once they have their names, so both may be the same file; where the filesystem has no
 * hard links, or no more of them, its bytes are copied.
 */
export async function copyObject(
  root: Root,
  from: string,
  to: string,
  { ifAbsent = false }: CopyOptions = {},
): Promise<void> {
  checkKey(to);
  if (ifAbsent && (await storage(() => statFile(root, to)))) throw objectExists(to);
  if ((await storage(() => statFile(root, checkKey(from)))) === undefined) throw objectNotFound(from);
  const temporary = temporaryPath(root);
  try {
    await duplicate(join(root, from), temporary);
  } catch (error) {
    await rm(temporary, { force: true });
    if (codeOf(error) === 'ENOENT') throw objectNotFound(from, error);
    return await storage(() => Promise.reject(error));
  }
  await publish(root, temporary, to, ifAbsent);
}

async function duplicate(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK'].includes(codeOf(error))) throw error;
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    const handle = await open(to, 'r+');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}
