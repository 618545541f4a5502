// Who may import whom (CONTRIBUTING.md). scripts/check/boundaries.ts runs it over the tree and over scripts/canary, a
// small tree of forbidden imports: each rule must reject the file there that is named after it.
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { IForbiddenRuleType, IResolveOptions } from 'dependency-cruiser';

const here = '^(?:scripts/canary/)?';
const packages = `${here}(libs|services|clients|e2e|bench)/`;
const test = '(\\.test\\.ts$|/test/|^e2e/|^bench/)';

/** The files that packages export: the only ones another package may import. */
const exported = globSync('{libs,services,clients}/*/package.json').flatMap((file) => {
  const exports =
    (JSON.parse(readFileSync(file, 'utf8')) as { exports?: Record<string, string> }).exports ?? {};
  return Object.values(exports).map((entry) => path.posix.join(path.dirname(file), entry));
});
const exportedPattern = `^(${exported.map((file) => file.replaceAll('.', '\\.')).join('|')})$`;

const transport = '@connectrpc/|@grpc/|@nats-io/|@aws-sdk/|mongodb|execa|undici';
const inputOutput = 'child_process|cluster|dgram|dns|fs|http|http2|https|net|sqlite|tls|worker_threads';

/** The rules, each with a canary file of its name. */
export const forbidden: (IForbiddenRuleType & { readonly name: string })[] = [
  {
    name: 'service-to-service',
    comment: 'Services call each other through clients of @kerkis/contracts or react to events.',
    severity: 'error',
    from: { path: `${here}services/([^/]+)/`, pathNot: `${here}services/standalone/` },
    to: { path: `${here}services/`, pathNot: `${here}services/$1/` },
  },
  {
    name: 'lib-to-service',
    comment: 'Libs are below services, clients, end-to-end tests and benches.',
    severity: 'error',
    from: { path: `${here}libs/` },
    to: { path: `${here}(services|clients|e2e|bench)/` },
  },
  {
    name: 'leaf-lib',
    comment: 'contracts, errors, hls and dash import no workspace package.',
    severity: 'error',
    from: { path: `${here}libs/(contracts|errors|hls|dash)/`, pathNot: test },
    to: { path: packages, pathNot: `${here}libs/$1/` },
  },
  {
    name: 'pure-domain',
    comment: 'A domain folder holds types and decisions: no transport, no database, no objects.',
    severity: 'error',
    from: { path: `${here}services/[^/]+/src/domain/`, pathNot: test },
    to: { path: [`(^|node_modules/)(${transport})`, '^libs/(documents|events|mesh|objects|rpc)/'] },
  },
  {
    name: 'domain-without-io',
    comment: 'A domain folder neither reads nor writes; types of Node are welcome.',
    severity: 'error',
    from: { path: `${here}services/[^/]+/src/domain/`, pathNot: test },
    to: { path: `^(node:)?(${inputOutput})(/|$)`, dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'domain-below-all',
    comment: 'Inside a service the domain imports only the domain.',
    severity: 'error',
    from: { path: `(${here}services/[^/]+/src)/domain/`, pathNot: test },
    to: { path: '^$1/', pathNot: '^$1/domain/' },
  },
  {
    name: 'store-to-domain-only',
    comment: 'Inside a service the store imports only the store and the domain.',
    severity: 'error',
    from: { path: `(${here}services/[^/]+/src)/store/`, pathNot: test },
    to: { path: '^$1/', pathNot: '^$1/(store|domain)/' },
  },
  {
    name: 'handler-to-root',
    comment:
      'Handlers take what they need as arguments; only service.ts sees everything, and only main.ts sees it.',
    severity: 'error',
    from: { path: `(${here}services/[^/]+/src)/(rpc|consumers)/`, pathNot: test },
    to: { path: '^$1/(service|main)\\.ts$' },
  },
  {
    name: 'entry-only',
    comment: 'Another package is imported through what its package.json exports.',
    severity: 'error',
    from: { path: `${packages}([^/]+)/` },
    to: { path: '^(libs|services|clients)/', pathNot: [`${here}$1/$2/`, exportedPattern] },
  },
  {
    name: 'testing-in-production',
    comment: '@kerkis/testing is for tests.',
    severity: 'error',
    from: { path: packages, pathNot: [test, `${here}libs/testing/`] },
    to: { path: '^libs/testing/' },
  },
  {
    name: 'no-cycle',
    comment: 'Files that import each other in a circle (types apart) cannot be understood or tested alone.',
    severity: 'error',
    from: {},
    to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
  },
  {
    name: 'unresolvable',
    comment: 'The import points at nothing: a package that is not declared, or a file that is gone.',
    severity: 'error',
    from: {},
    to: { couldNotResolve: true },
  },
];

/** How imports are found: by swc, since TypeScript 7 has no parser to lend; types count as well. */
export const options = {
  parser: 'swc',
  doNotFollow: { path: 'node_modules' },
  exclude: { path: '^libs/contracts/gen/' },
  tsPreCompilationDeps: true,
} as const;

/** How imports are resolved: like Node does it. */
export const resolveOptions: Partial<IResolveOptions> = {
  exportsFields: ['exports'],
  conditionNames: ['import', 'types', 'node', 'default'],
  extensions: ['.ts', '.mjs', '.js', '.json'],
};
