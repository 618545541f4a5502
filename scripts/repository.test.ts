// Rules of the repository that no tool has.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { type Declaration, type ExportSpecifier, parseSync } from 'oxc-parser';
import { expect, test } from 'vitest';

const root = path.join(import.meta.dirname, '..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const packages = filesOf('libs', 'services', 'clients', 'e2e').filter((file) =>
  file.endsWith('/package.json'),
);

/** What git knows or would add, so neither node_modules nor generated code. */
function filesOf(...folders: string[]): string[] {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '--', ...folders];
  const names = execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trimEnd().split('\n');
  return names.filter(
    (name) => existsSync(path.join(root, name)) && statSync(path.join(root, name)).isFile(),
  );
}

const code = filesOf().filter((file) => /\.(ts|mjs|js)$/.test(file) && !file.startsWith('scripts/canary/'));

test('the tests see the repository', () => {
  expect(code.length).toBeGreaterThan(50);
  expect(packages.length).toBeGreaterThan(10);
});

test('files are short: 300 lines of code, 500 of tests', () => {
  const isTest = (file: string) => /\.test\.ts$|\/test\/|^e2e\//.test(file);
  const lines = (file: string) => read(file).trimEnd().split('\n').length;
  const long = code.filter((file) => lines(file) > (isTest(file) ? 500 : 300));
  expect(long).toEqual([]);
});

test('names of files and folders are kebab-case', () => {
  const conventional = /^(README|CONTRIBUTING|CHANGELOG|LICENSE|NOTICE|SECURITY|Dockerfile|Caddyfile|Chart)/;
  const kebab = /^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/;
  const odd = filesOf('libs', 'services', 'clients', 'e2e', 'scripts', 'docs', 'deploy', 'bench').filter(
    (file) => file.split('/').some((part) => !kebab.test(part) && !conventional.test(part)),
  );
  expect(odd).toEqual([]);
});

test('nothing is left to be done', () => {
  const words = ['TO', 'FIX', 'XX'].map((start, index) => start + ['DO', 'ME', 'X'][index]);
  const marker = new RegExp(`\\b(${words.join('|')})\\b`);
  expect(code.filter((file) => marker.test(read(file)))).toEqual([]);
});

test('the lock file names no registry and covers every platform', () => {
  const lock = JSON.parse(read('package-lock.json')) as {
    packages: Record<
      string,
      { resolved?: string; link?: boolean; optionalDependencies?: Record<string, string> }
    >;
  };
  const entries = Object.entries(lock.packages);
  expect(entries.filter(([, { resolved, link }]) => resolved && !link).map(([name]) => name)).toEqual([]);
  expect(read('package-lock.json')).not.toMatch(/https?:\/\/[^"]*\.tgz/);
  const missing = entries.flatMap(([holder, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) =>
        ![`node_modules/${name}`, `${holder}/node_modules/${name}`].some((place) => place in lock.packages),
    ),
  );
  expect(missing, 'Run: node scripts/complete-lock.mjs').toEqual([]);
});

test('versions of dependencies are exact, and one for all packages', () => {
  const seen = new Map<string, string>();
  const wrong: string[] = [];
  for (const file of ['package.json', ...packages]) {
    const { dependencies = {}, devDependencies = {} } = JSON.parse(read(file)) as Record<
      string,
      Record<string, string>
    >;
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) wrong.push(`${file}: ${name}@${version}`);
      if (seen.has(name) && seen.get(name) !== version)
        wrong.push(`${file}: ${name}@${version}, ${seen.get(name)} elsewhere`);
      seen.set(name, version);
    }
  }
  expect(wrong).toEqual([]);
});

test('every package is licensed, described and tested, every lib has a README', () => {
  for (const file of packages) {
    const about = JSON.parse(read(file)) as Record<string, unknown>;
    expect(about, file).toMatchObject({ license: 'Apache-2.0', type: 'module', private: true });
    expect(about.description, file).toMatch(/\w/);
  }
  const libs = packages.filter((file) => file.startsWith('libs/')).map(path.dirname);
  expect(libs.filter((lib) => !existsSync(path.join(root, lib, 'README.md')))).toEqual([]);
  const untested = libs.filter(
    (lib) => !code.some((file) => file.startsWith(`${lib}/`) && file.endsWith('.test.ts')),
  );
  expect(untested).toEqual([]);
});

test('every export of a lib has a doc comment', () => {
  const entries = packages
    .filter((file) => file.startsWith('libs/'))
    .flatMap((file) => {
      const { exports } = JSON.parse(read(file)) as { exports: Record<string, string> };
      return Object.values(exports).map((entry) => path.posix.join(path.dirname(file), entry));
    });
  expect(entries.length).toBeGreaterThan(10);
  expect(entries.flatMap((entry) => undocumented(entry))).toEqual([]);
});

/** Exports of a file, and of files it exports again from its own package, that have no comment right above them. */
function undocumented(file: string, wanted?: ReadonlySet<string>): string[] {
  const source = read(file);
  const { program, comments } = parseSync(file, source);
  const missing: string[] = [];
  // Of overloads only the first carries the comment.
  const documented = new Set<string>();
  for (const statement of program.body) {
    const target =
      'source' in statement && statement.source ? ownFile(file, statement.source.value) : undefined;
    if (statement.type === 'ExportAllDeclaration' && target) missing.push(...undocumented(target));
    if (statement.type !== 'ExportNamedDeclaration') continue;
    if (target) missing.push(...undocumented(target, new Set(statement.specifiers.map(localName))));
    const above = comments.findLast((comment) => comment.end <= statement.start);
    const hasComment =
      above?.type === 'Block' &&
      above.value.startsWith('*') &&
      /^\s*$/.test(source.slice(above.end, statement.start));
    for (const name of declaredNames(statement.declaration)) {
      if (hasComment) documented.add(name);
      if (!documented.has(name) && (wanted?.has(name) ?? true)) missing.push(`${file}: ${name}`);
    }
  }
  return missing;
}

function ownFile(importer: string, specifier: string): string | undefined {
  const target = path.posix.join(path.posix.dirname(importer), specifier);
  return specifier.startsWith('.') && target.endsWith('.ts') ? target : undefined;
}

function localName({ local }: ExportSpecifier): string {
  return local.type === 'Literal' ? local.value : local.name;
}

function declaredNames(declaration: Declaration | null): string[] {
  if (declaration?.type === 'VariableDeclaration') {
    return declaration.declarations.flatMap(({ id }) => (id.type === 'Identifier' ? [id.name] : []));
  }
  if (!declaration || !('id' in declaration) || declaration.id?.type !== 'Identifier') return [];
  return [declaration.id.name];
}
