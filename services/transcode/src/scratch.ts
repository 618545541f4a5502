import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';

const host = hostname().replaceAll(/[^A-Za-z0-9-]/g, '-');
/** Of this process, which may have the id of one that was killed, as every container's first process has. */
const instance = randomUUID();
/** What another machine left on a shared disk is deleted after this time without a change. */
const foreignMs = 86_400_000;

/** A name for a directory in the scratch directory that tells who made it. */
export const newScratchName = (): string => `sources_${host}_${process.pid}_${instance}_${randomUUID()}`;

/** A new directory in the scratch directory, deleted with all that is in it when it is disposed of. */
export async function makeScratch(
  scratchDirectory: string,
): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = resolve(scratchDirectory, newScratchName());
  await mkdir(path, { recursive: true, mode: 0o700 });
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Deletes what processes left in the scratch directory that were killed. */
export async function sweepScratch(scratchDirectory: string): Promise<void> {
  const names = await readdir(scratchDirectory).catch(() => []);
  for (const name of names) {
    const path = join(scratchDirectory, name);
    if (await isLeftOver(name, path)) await rm(path, { recursive: true, force: true });
  }
}

async function isLeftOver(name: string, path: string): Promise<boolean> {
  const [kind, madeOn, pid, madeBy] = name.split('_');
  if (kind !== 'sources' || !madeBy) return false;
  if (madeOn === host) return Number(pid) === process.pid ? madeBy !== instance : !isAlive(Number(pid));
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && found.mtimeMs < Date.now() - foreignMs;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Not allowed to signal it: it is somebody else's, but it is there.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
