import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KerkisConfig } from '@kerkis/config';

/** The configuration with a secret for encrypted playback: its own, or one that is made once and kept with the data, for its owner only. */
export async function withEncryptionSecret(
  config: KerkisConfig,
  dataDirectory: string,
): Promise<KerkisConfig> {
  const { delivery } = config;
  if (delivery.encryption.secret !== undefined) return config;
  const secret = await keptSecret(join(dataDirectory, 'encryption-secret'));
  return { ...config, delivery: { ...delivery, encryption: { ...delivery.encryption, secret } } };
}

async function keptSecret(file: string): Promise<string> {
  const kept = (await readFile(file, 'utf8').catch(() => '')).trim();
  if (/^[0-9a-f]{64}$/.test(kept)) return kept;
  const made = randomBytes(32).toString('hex');
  await writeFile(`${file}.new`, `${made}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
  return made;
}
