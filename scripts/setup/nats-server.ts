import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheDirectory, cachedPath, findTool } from '@kerkis/tools';
import { installDebianPackages } from './debian.ts';
import { buildGoTools } from './go.ts';
import { run } from './run.ts';

/**
 * Makes sure that there is a nats-server: the system's, else the one of Debian's package, unpacked and not installed
 * (its package would start a service), else a build of a current one, else the package after all.
 */
export async function provideNatsServer(): Promise<void> {
  if (findTool('nats-server', process.env)) return;
  console.log("Fetching Debian's nats-server into the cache folder (it is not installed as a service) ...");
  const unpacked = await unpackDebianPackage().catch((error: Error) => console.log(error.message));
  if (unpacked || findTool('nats-server', process.env)) return;
  const built = await buildGoTools(['nats-server-current']).then(
    () => true,
    (error: Error) => console.log(error.message),
  );
  if (!built) await installDebianPackages(['nats-server'], { optional: [] });
}

async function unpackDebianPackage(): Promise<true> {
  await mkdir(cacheDirectory(process.env), { recursive: true });
  const work = await mkdtemp(join(cacheDirectory(process.env), 'unpack-'));
  try {
    await run('apt-get', ['download', 'nats-server'], { directory: work });
    const archive = (await readdir(work)).find((name) => name.endsWith('.deb')) ?? '';
    await run('dpkg-deb', ['--extract', archive, 'files'], { directory: work });
    const target = cachedPath('nats-server', process.env);
    await mkdir(dirname(target), { recursive: true });
    await rename(join(work, 'files', 'usr', 'sbin', 'nats-server'), target);
    return true;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
