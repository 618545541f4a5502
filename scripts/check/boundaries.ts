// Checks who imports whom (.dependency-cruiser.ts), and that each rule rejects its canary (scripts/canary).
import { Visitor } from '@swc/core/Visitor.js';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import { forbidden, options, resolveOptions } from '../../.dependency-cruiser.ts';

const canary = 'scripts/canary/';

teachUsing();
const { output } = await cruise(
  ['libs', 'services', 'clients', 'e2e', 'bench', 'scripts'],
  { ...options, ruleSet: { forbidden }, validate: true },
  resolveOptions,
);
const { violations, totalCruised } = (output as ICruiseResult).summary;

let failures = 0;
for (const { rule, from, to } of violations) {
  if (from.startsWith(canary)) continue;
  failures += 1;
  const { comment = '' } = forbidden.find(({ name }) => name === rule.name) ?? {};
  console.error(`${from} imports ${to}\n  ${rule.name}: ${comment}`);
}
for (const { name } of forbidden) {
  const rejected = violations.some(
    ({ rule, from, to }) =>
      rule.name === name &&
      from.startsWith(canary) &&
      [from, to].some((file) => file.endsWith(`/${name}.ts`)),
  );
  if (rejected) continue;
  failures += 1;
  console.error(`The rule ${name} does not reject its canary ${canary}**/${name}.ts: it sees nothing.`);
}
console.log(`${totalCruised} files, ${forbidden.length} rules, ${failures} failures`);
if (failures > 0) process.exitCode = 1;

/** The syntax walker of @swc/core, on which dependency-cruiser relies, gives up at `using` declarations. */
function teachUsing(): void {
  const { visitStatement } = Visitor.prototype;
  Visitor.prototype.visitStatement = function (statement) {
    if ((statement.type as string) !== 'UsingDeclaration') return visitStatement.call(this, statement);
    const { decls } = statement as unknown as { decls: Parameters<Visitor['visitVariableDeclarator']>[0][] };
    for (const declaration of decls) this.visitVariableDeclarator(declaration);
    return statement;
  };
}
