import { accessSync, constants } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { KerkisError } from '@kerkis/errors';
import { cacheDirectory, cachedPath, findTool, type GoModule, type ToolName, tools } from '@kerkis/tools';
import { run } from './run.ts';

type GoTool = {
  [Name in ToolName]: (typeof tools)[Name] extends { goModule: GoModule } ? Name : never;
}[ToolName];

const minimumVersion = '1.26';

/** Builds those tools that are not in the cache yet, each from the pinned version of its module. */
export async function buildGoTools(names: readonly GoTool[]): Promise<void> {
  for (const name of names) {
    if (findTool(name, process.env)) continue;
    const { purpose, goModule } = tools[name];
    const go = findGo(`${name} (${purpose})`);
    console.log(`Building ${name} ${goModule.version} (${purpose}; this takes a minute or more) ...`);
    await buildTool(go, goModule, cachedPath(name, process.env));
  }
}

/**
 * Builds from the module's own directory, so with the dependency versions that its authors pinned. The module and its
 * dependencies are verified against Go's checksum database.
 */
async function buildTool(go: string, module: GoModule, target: string): Promise<void> {
  await mkdir(cacheDirectory(process.env), { recursive: true });
  const work = await mkdtemp(join(cacheDirectory(process.env), 'build-'));
  try {
    const source = await moduleSource(go, module, work);
    const built = join(work, 'program');
    const flags = ['-trimpath', '-buildvcs=false', '-mod=readonly', '-ldflags=-s -w'];
    const tags = module.tags ? ['-tags', module.tags.join(',')] : [];
    await run(go, ['build', ...flags, ...tags, '-o', built, module.main], {
      directory: source,
      environment: { CGO_ENABLED: '0', GOWORK: 'off' },
    });
    await mkdir(dirname(target), { recursive: true });
    await rename(built, target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function moduleSource(go: string, module: GoModule, work: string): Promise<string> {
  const answer = await run(go, ['mod', 'download', '-json', `${module.path}@${module.version}`], {
    directory: work,
  });
  const { Dir: directory } = JSON.parse(answer) as { Dir: string };
  if (!module.files) return directory;
  // Go's module cache is read-only: what needs a file more is built from a copy.
  const copy = join(work, 'source');
  await cp(directory, copy, { recursive: true });
  await makeFoldersWritable(copy);
  for (const [name, content] of Object.entries(module.files)) await writeFile(join(copy, name), content);
  return copy;
}

async function makeFoldersWritable(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeFoldersWritable(join(folder, entry.name));
  }
}

function findGo(wanted: string): string {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/go/bin'];
  const go = folders.map((folder) => join(folder, 'go')).find(isExecutable);
  if (go) return go;
  throw new KerkisError(
    'precondition',
    'GO_MISSING',
    `The tests need Go ${minimumVersion} or later to build ${wanted}. Get it from https://go.dev/dl/ ` +
      '(unpack it to /usr/local/go or put its bin folder on PATH), then run this again.',
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
