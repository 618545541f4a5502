import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory of its own that is deleted with everything in it on disposal. */
export interface TempDir extends AsyncDisposable {
  /** Absolute path. */
  readonly path: string;
}

/** Makes an empty directory in the system's place for temporary files. `name` helps a person to recognise it. */
export async function tempDir(name = 'test'): Promise<TempDir> {
  const path = await mkdtemp(join(tmpdir(), `kerkis-${name}-`));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 3 }),
  };
}
