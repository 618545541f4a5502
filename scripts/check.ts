// Everything that CI checks before it runs tests: `npm run check`. One line a check, the output of those that fail.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { breakingBaseline } from './check/breaking-baseline.ts';

const root = path.join(import.meta.dirname, '..');
const bin = path.join(root, 'node_modules', '.bin');

interface Check {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

const baseline = breakingBaseline(root);
const breaking: Check[] =
  'commit' in baseline
    ? [
        {
          name: `contracts are compatible with ${baseline.name}`,
          command: ['buf', 'breaking', '--against', `.git#ref=${baseline.commit}`],
        },
      ]
    : [];

const checks: Check[] = [
  { name: 'format and lint', command: ['biome', 'check', '--error-on-warnings', '.'] },
  { name: 'types', command: ['tsc', '-p', '.'] },
  { name: 'contracts lint', command: ['buf', 'lint'] },
  ...breaking,
  { name: 'import boundaries', command: ['node', 'scripts/check/boundaries.ts'] },
  { name: 'unused code', command: ['knip', '--no-progress', '--no-config-hints'] },
];

if ('skipped' in baseline) console.log(`SKIPPED  contracts are compatible: ${baseline.skipped}`);
const failed = checks.filter((check) => !passes(check));
console.log(
  failed.length === 0
    ? `${checks.length} checks passed`
    : `${failed.length} of ${checks.length} checks failed`,
);
if (failed.length > 0) process.exitCode = 1;

function passes({ name, command: [program, ...args] }: Check): boolean {
  const startedAt = performance.now();
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH}` },
  });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${status === 0 ? 'OK      ' : 'FAILED  '} ${name} (${seconds} s)`);
  if (status === 0) return true;
  console.log(`${stdout}${stderr}${error?.message ?? ''}`.trimEnd());
  return false;
}
