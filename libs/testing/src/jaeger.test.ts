import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { hasJaeger, startJaeger, waitUntil } from './index.ts';

const sender = fileURLToPath(new URL('../test/span-sender.ts', import.meta.url));

test('Jaeger shows what a process sent through the standard environment variables', async (context) => {
  if (!hasJaeger()) return context.skip('There is no Jaeger: run "npm run setup -- --with-jaeger".');
  await using jaeger = await startJaeger();
  const env = {
    PATH: process.env.PATH,
    ...jaeger.environment,
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
  };
  const { stdout: traceId } = await promisify(execFile)(process.execPath, [sender], { env });
  const spans = await waitUntil(async () => {
    const found = await jaeger.trace(traceId.trim());
    return found.length === 2 && found;
  });
  expect(spans.map(({ name }) => name).sort()).toEqual(['child', 'parent']);
  expect(new Set(spans.map(({ service }) => service))).toEqual(new Set(['sender']));
  expect(await jaeger.trace(`${'0'.repeat(31)}1`)).toEqual([]);
});
