import { readFile, stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { KerkisError } from '@kerkis/errors';
import type { Logger } from '@kerkis/telemetry';
import type { TlsFiles } from './port.ts';

/** Where certificate (with its chain) and key are, in PEM form. */
export interface TlsPaths {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Reads both. Throws `precondition` TLS_FILES_UNUSABLE when one cannot be read, or they do not belong together. */
export async function readTlsFiles({ certFile, keyFile }: TlsPaths): Promise<TlsFiles> {
  try {
    const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
    createSecureContext({ cert, key });
    return { cert, key };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : `${cause}`;
    throw new KerkisError(
      'precondition',
      'TLS_FILES_UNUSABLE',
      `Certificate and key cannot be used (server.tls.certFile, server.tls.keyFile): ${why}`,
      { cause },
    );
  }
}

/** Tells of new files. Those that cannot be used are logged, and what was read before stays. */
export function watchTlsFiles(
  paths: TlsPaths,
  options: {
    readonly intervalMs: number;
    readonly logger: Logger;
    readonly changed: (files: TlsFiles) => void;
  },
): Disposable {
  let known: string | undefined;
  let isLooking = false;

  async function look(): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    try {
      const stats = await Promise.all([stat(paths.certFile), stat(paths.keyFile)]);
      const seen = stats.map(({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`).join();
      const isChanged = known !== undefined && known !== seen;
      known = seen;
      if (!isChanged) return;
      options.changed(await readTlsFiles(paths));
      options.logger.info({ certFile: paths.certFile }, 'new certificate in use');
    } catch (err) {
      options.logger.error({ err }, 'the certificate stays as it is');
    } finally {
      isLooking = false;
    }
  }
  void look();
  const timer = setInterval(look, options.intervalMs).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
