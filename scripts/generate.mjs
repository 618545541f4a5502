// Generates libs/contracts/gen from proto/. Runs on any Node ≥ 20: npm calls it after an install.
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..');
const bin = path.join(root, 'node_modules', '.bin');

const { status, error } = spawnSync(path.join(bin, 'buf'), ['generate'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH}` },
});
if (error) console.error(`buf could not be started: ${error.message}. Run npm ci first.`);
process.exit(status ?? 1);
