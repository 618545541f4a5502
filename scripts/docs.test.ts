// The documentation tells what is there: links lead somewhere, commands and reasons exist.
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.join(import.meta.dirname, '..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const pages = ['README.md', 'CONTRIBUTING.md', ...globSync('docs/**/*.md', { cwd: root })];
const sources = globSync('{services,libs}/*/src/**/*.ts', { cwd: root }).filter(
  (file) => !file.endsWith('.test.ts'),
);

/** Without code blocks, whose `#` lines and brackets are neither headings nor links. */
const prose = (file: string) => read(file).replaceAll(/^```[\s\S]*?^```/gm, '');

/** The anchors that GitHub gives to the headings of a page. */
function anchorsOf(file: string): string[] {
  return [...prose(file).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test('the tests see the documentation', () => {
  expect(pages.length).toBeGreaterThan(10);
  expect(sources.length).toBeGreaterThan(100);
});

test('every relative link leads to a file, and to a heading in it', () => {
  const broken = pages.flatMap((page) =>
    [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target) && !leadsSomewhere(page, target))
      .map((target) => `${page}: ${target}`),
  );
  expect(broken).toEqual([]);
});

function leadsSomewhere(page: string, target: string): boolean {
  const [file = '', anchor] = target.split('#');
  const found = file === '' ? page : path.posix.join(path.posix.dirname(page), file);
  if (!existsSync(path.join(root, found))) return false;
  return anchor === undefined || anchorsOf(found).includes(anchor);
}

test('every npm script that is named exists', () => {
  const scriptsOf = (file: string) =>
    Object.keys((JSON.parse(read(file)) as { scripts?: object }).scripts ?? {});
  const known = scriptsOf('package.json');
  const inWorkspaces = globSync('{libs,services,clients}/*/package.json', { cwd: root }).flatMap(scriptsOf);
  const unknown = pages.flatMap((page) =>
    [...read(page).matchAll(/\bnpm run ([a-z][\w:-]*)(.{0,14})/g)]
      .filter(
        ([, name = '', rest = '']) => !(rest.includes('--workspace') ? inWorkspaces : known).includes(name),
      )
      .map(([, name]) => `${page}: npm run ${name}`),
  );
  expect(unknown).toEqual([]);
});

/** First cells of table rows: `| \`ASSET_NOT_FOUND\` | …`. */
const documented = new Set(
  [...read('docs/api.md').matchAll(/^\| `([A-Z][A-Z0-9_]+)` \|/gm)].map(([, reason = '']) => reason),
);

/** All texts that look like a reason. */
function literals(files: readonly string[]): Set<string> {
  const found = files.flatMap((file) => [...read(file).matchAll(/'([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)'/g)]);
  return new Set(found.map(([, text = '']) => text));
}

test('docs/api.md lists no reason that the code does not have', () => {
  const inCode = literals(sources);
  const ofAssetState = /^ASSET_STATE_/;
  expect([...documented].filter((reason) => !inCode.has(reason) && !ofAssetState.test(reason))).toEqual([]);
});

test('docs/api.md lists every reason of the services', () => {
  // Names of environment variables, and codes of Node's HTTP client.
  const noReason = /^(KERKIS|OTEL|ERR|UND_ERR)_/;
  const inServices = literals(sources.filter((file) => file.startsWith('services/')));
  expect(inServices.size).toBeGreaterThan(50);
  expect([...inServices].filter((text) => !noReason.test(text) && !documented.has(text))).toEqual([]);
});
