// Gets a clone ready, then runs what was asked for: node scripts/bootstrap.mjs setup|check|demo|bench [arguments]
//
// Runs on the system's Node (≥ 20) before anything is installed, so it is plain JavaScript without dependencies.
// Everything it does is skipped when it was done before.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..');
const bin = path.join(root, 'node_modules', '.bin');
const node = path.join(bin, 'node');

const verbs = {
  setup: (args) => ({ setup: args, script: undefined, args: [] }),
  check: (args) => ({ setup: undefined, script: 'check.ts', args }),
  demo: (args) => ({ setup: [], script: 'demo.ts', args }),
  bench: (args) => ({ setup: ['--for-tests'], script: '../bench/run.ts', args }),
};

const [verb = '', ...rest] = process.argv.slice(2);
if (!Object.hasOwn(verbs, verb)) fail(`Usage: node scripts/bootstrap.mjs ${Object.keys(verbs).join('|')}`, 2);
const plan = verbs[verb](rest[0] === '--' ? rest.slice(1) : rest);

await ensureModules();
await ensureNode();
await ensureContracts();
if (plan.setup) await run(node, [path.join(root, 'scripts', 'setup.ts'), ...plan.setup]);
if (plan.script) await run(node, [path.join(root, 'scripts', plan.script), ...plan.args]);

/** Runs `npm ci` unless node_modules holds exactly what the lock file says. */
async function ensureModules() {
  if (modulesMatchLock()) return;
  console.log('Installing the npm packages of package-lock.json (npm ci) ...');
  const ci = await end(...npm('ci'));
  if (ci.code === 0) return;
  console.log('npm ci did not succeed: trying npm install, which is less strict about the lock file ...');
  await run(...npm('install', '--no-save'));
}

function npm(...args) {
  const [command, ...before] = process.env.npm_execpath
    ? [process.execPath, process.env.npm_execpath]
    : ['npm'];
  return [command, [...before, ...args, '--no-audit', '--no-fund']];
}

function modulesMatchLock() {
  const installed = readJson(path.join(root, 'node_modules', '.package-lock.json'))?.packages;
  if (!installed) return false;
  const locked = Object.entries(readJson(path.join(root, 'package-lock.json')).packages);
  return locked.every(([name, { version, link, optional, peer }]) => {
    if (!name.includes('node_modules/') || optional || peer) return true;
    return link ? existsSync(path.join(root, name)) : installed[name]?.version === version;
  });
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** The npm package `node` fetches Node in an install script, which npm may have been told to skip. */
async function ensureNode() {
  if (existsSync(node)) return;
  console.log('Installing Node 26 (npm rebuild node) ...');
  await run(...npm('rebuild', 'node', '--foreground-scripts'));
  if (!existsSync(node)) {
    fail('Node 26 is missing: its install script did not run. Run: npm rebuild node --ignore-scripts=false');
  }
}

/** Generates libs/contracts/gen unless it is newer than everything it is made from. */
async function ensureContracts() {
  const generated = changeTimes(path.join(root, 'libs', 'contracts', 'gen'));
  const sources = changeTimes(path.join(root, 'proto'));
  if (generated.length > 0 && Math.min(...generated) >= Math.max(...sources)) return;
  console.log('Generating libs/contracts/gen from proto/ ...');
  await run(process.execPath, [path.join(root, 'scripts', 'generate.mjs')]);
}

function changeTimes(directory) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true })
    .map((name) => statSync(path.join(directory, name)))
    .filter((entry) => entry.isFile())
    .map((entry) => entry.mtimeMs);
}

/** Runs a command; ends this process as it ended unless its code is 0. */
async function run(command, args) {
  const { code, signal } = await end(command, args);
  if (signal) process.kill(process.pid, signal);
  if (code !== 0) process.exit(code ?? 1);
}

/** Runs a command in the root with our stdio and signals. */
async function end(command, args) {
  const child = spawn(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH}` },
  });
  const forward = (signal) => child.kill(signal);
  // The terminal sends Ctrl-C to the child as well: stay until it has drained.
  const stay = () => {};
  const handlers = { SIGTERM: forward, SIGHUP: forward, SIGINT: stay };
  for (const [signal, handler] of Object.entries(handlers)) process.on(signal, handler);
  const result = await new Promise((resolve) => {
    child.on('error', (error) => fail(`${command} could not be started: ${error.message}`));
    child.on('exit', (code, signal) => resolve({ code, signal }));
  });
  for (const [signal, handler] of Object.entries(handlers)) process.off(signal, handler);
  return result;
}

function fail(message, code = 1) {
  console.error(message);
  process.exit(code);
}
