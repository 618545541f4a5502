// Measures what Kerkis promises: `npm run bench` for all of it, `npm run bench -- <name> [options]` for one. Tables go to
// standard output and into bench/results.
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { corpus } from './corpus.ts';
import { cost } from './cost.ts';
import { edge } from './edge.ts';
import { edgeParser } from './edge-parser.ts';
import { markdown, type Report } from './harness/table.ts';
import { kill } from './kill.ts';
import { perTitle } from './per-title.ts';
import { quality } from './quality.ts';
import { ttff } from './ttff.ts';

/** In the order in which all of them are run. */
const benches: Readonly<Record<string, (args: readonly string[]) => Promise<Report>>> = {
  ttff,
  cost,
  quality,
  kill,
  'per-title': perTitle,
  corpus,
  edge,
  'edge-parser': edgeParser,
};

/** Says what can be run, and ends. */
function endWith(message: string, exitCode: number): never {
  console.error(`${message} Benches: ${Object.keys(benches).join(', ')}. Options: docs/benchmarks.md.`);
  process.exit(exitCode);
}

const [first = '', ...rest] = process.argv.slice(2).filter((argument) => argument !== '--');
if (first === '--help') endWith('npm run bench -- [name] [options].', 0);
const isNamed = !first.startsWith('-') && first !== '';
const options = isNamed ? rest : [first, ...rest].filter((option) => option !== '');
const names = isNamed ? [first] : Object.keys(benches);
const folder = join(import.meta.dirname, 'results');
await mkdir(folder, { recursive: true });

for (const name of names) {
  const bench = benches[name];
  if (!bench) endWith(`There is no bench ${name}.`, 2);
  console.log(`Running ${name} ...`);
  try {
    const startedAt = performance.now();
    const report = await bench(options);
    const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
    const [{ model = 'unknown' } = {}] = cpus();
    const text = `${markdown(report)}\n${cpus().length} × ${model}, ${minutes} min.\n`;
    await writeFile(join(folder, `${name}.md`), text);
    console.log(`\n${text}`);
  } catch (error) {
    const isUsage = error instanceof Error && 'code' in error && `${error.code}`.startsWith('ERR_PARSE_ARGS');
    if (isUsage) endWith(`${error.message}.`, 2);
    console.error(`${name} could not be measured: ${error instanceof Error ? error.stack : error}`);
    process.exitCode = 1;
  }
}
