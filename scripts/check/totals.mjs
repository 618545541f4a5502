// Prints the totals of .ci/run as its last line: totals.mjs <vitest's JSON report> [failed step ...]
import { readFileSync } from 'node:fs';

const [file = '', ...failedSteps] = process.argv.slice(2);
const { numPassedTests: passed = 0, numFailedTests = 0, testResults = [] } = readReport();

const brokenFiles = testResults.filter(
  ({ status, assertionResults }) =>
    status === 'failed' && assertionResults.every((test) => test.status !== 'failed'),
);
const failedTests = testResults.flatMap(({ name, assertionResults }) =>
  assertionResults.filter((test) => test.status === 'failed').map((test) => `${name}: ${test.fullName}`),
);
for (const failure of [...failedTests, ...brokenFiles.map(({ name, message }) => `${name}: ${message}`)]) {
  console.log(`FAILED ${failure}`);
}
for (const step of failedSteps) console.log(`FAILED ${step}`);

// A failed `npm test` is counted by its tests; other steps, and a run that broke before it reported any, by themselves.
const counted = numFailedTests + brokenFiles.length;
const steps = failedSteps.filter((step) => step !== 'npm test' || counted === 0).length;
const failed = counted + steps;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;

function readReport() {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return {};
  }
}
