import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeMedia, tempDir } from '@kerkis/testing';
import { expect, test } from 'vitest';
import { kerkis, startMesh } from './kerkis.ts';

test('a mesh with keys takes uploads and questions with a key only', async () => {
  await using directory = await tempDir();
  const key = 'key-of-the-studio';
  const config = join(directory.path, 'keys.yaml');
  const sha256 = createHash('sha256').update(key).digest('hex');
  await writeFile(config, `auth: { mode: keys, keys: [{ name: studio, sha256: ${sha256} }] }\n`);
  await using mesh = await startMesh(join(directory.path, 'data'), '--config', config);
  const at = (...args: string[]) => kerkis(...args, '--server', mesh.url);

  const without = await at('asset', 'list');
  expect(without).toMatchObject({ code: 1, stdout: '' });
  expect(without.stderr).toMatch(/UNAUTHENTICATED|API_KEY/);
  const wrong = await at('asset', 'list', '--api-key', 'another');
  expect(wrong.code).toBe(1);

  const clip = await makeMedia('cli-clip', { seconds: 3 });
  const upload = await at('upload', clip, '--wait', 'ready', '--profile', 'fast', '--json', '--api-key', key);
  expect({ code: upload.code, last: upload.events().at(-1) }).toMatchObject({
    code: 0,
    last: { state: 'READY' },
  });
  const listed = await at('asset', 'list', '--json', '--api-key', key);
  expect(listed.events()).toHaveLength(1);
});
