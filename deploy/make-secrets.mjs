// Makes the secrets of one installation: node deploy/make-secrets.mjs DIRECTORY
// A file that exists is kept, so a second run changes nothing, and secrets of your own may be put there first.
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [directory, ...rest] = process.argv.slice(2);
if (directory === undefined || rest.length > 0) {
  console.error('Usage: node make-secrets.mjs DIRECTORY');
  process.exit(2);
}
mkdirSync(directory, { recursive: true });

keep('mesh-token', random(32));
keep('s3-access-key-id', random(12));
keep('s3-secret-access-key', random(32));
const apiKey = keep('api-key', random(32));
const sha256 = createHash('sha256').update(apiKey).digest('hex');
// The value of auth.keys. Only the hash is given to the services.
keep('api-keys.json', JSON.stringify([{ name: 'local', sha256, scopes: ['*'] }]));

/** Writes a file unless it exists; answers with what the file holds. */
function keep(name, content) {
  const path = join(directory, name);
  try {
    // Not for group and others: on a shared machine the directory may be visible to them.
    writeFileSync(path, content, { flag: 'wx', mode: 0o400 });
    console.log(`${path}: made`);
    return content;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    console.log(`${path}: kept`);
    return readFileSync(path, 'utf8').trim();
  }
}

function random(bytes) {
  return randomBytes(bytes).toString('base64url');
}
