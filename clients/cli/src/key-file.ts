import { open, readFile, rm } from 'node:fs/promises';
import { KerkisError } from '@kerkis/errors';

/** Reads a public key in PEM. Throws `invalid` FILE_UNREADABLE, or PRIVATE_KEY_GIVEN for what must not leave this machine. */
export async function readPublicKeyFile(path: string): Promise<string> {
  const text = await readKeyFile(path);
  if (!text.includes('PRIVATE KEY')) return text;
  throw new KerkisError(
    'invalid',
    'PRIVATE_KEY_GIVEN',
    `${JSON.stringify(path)} holds a private key, which stays with you. Give the public half: openssl pkey -in FILE -pubout.`,
  );
}

/** Reads a key in PEM. Throws `invalid` FILE_UNREADABLE. */
export async function readKeyFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new KerkisError(
      'invalid',
      'FILE_UNREADABLE',
      `${JSON.stringify(path)} cannot be read (${codeOf(error)}).`,
      {
        cause: error,
      },
    );
  }
}

/**
 * Writes what `make` gives into a new file that only its owner may read. The file is there before anything is made, so that a key
 * that is told once has a place. Throws `invalid` FILE_EXISTS, FILE_UNWRITABLE.
 */
export async function writeKeyFile<T>(
  path: string,
  make: () => Promise<{ readonly text: string; readonly result: T }>,
): Promise<T> {
  await using file = await open(path, 'wx', 0o600).catch((error: unknown) => {
    const code = codeOf(error);
    throw code === 'EEXIST'
      ? new KerkisError(
          'invalid',
          'FILE_EXISTS',
          `${JSON.stringify(path)} exists. A key is never written over.`,
        )
      : new KerkisError(
          'invalid',
          'FILE_UNWRITABLE',
          `${JSON.stringify(path)} cannot be written (${code}).`,
          {
            cause: error,
          },
        );
  });
  try {
    const { text, result } = await make();
    await file.writeFile(text);
    await file.sync();
    return result;
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
