import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type OtlpReceiver, startOtlpReceiver } from './index.ts';

const sender = fileURLToPath(new URL('../test/span-sender.ts', import.meta.url));

test('spans of another process arrive through the standard environment variables', async () => {
  await using receiver = await startOtlpReceiver();
  await send(receiver.environment);
  const child = await receiver.waitForSpan((span) => span.name === 'child');
  const parent = await receiver.waitForSpan((span) => span.name === 'parent');
  expect(parent).toMatchObject({ service: 'sender', kind: 'server', parentSpanId: '', status: 'unset' });
  expect(child).toMatchObject({
    traceId: parent.traceId,
    parentSpanId: parent.spanId,
    status: 'error',
    attributes: { size: 7, ratio: 0.5, ok: true, ids: ['a', 'b'] },
    links: [{ traceId: parent.traceId, spanId: parent.spanId }],
  });
  expect(receiver.trace(parent.traceId)).toHaveLength(2);
});

test('what is not JSON is refused', async () => {
  await using receiver = await startOtlpReceiver();
  expect((await post(receiver, 'application/x-protobuf', '')).status).toBe(415);
  expect((await post(receiver, 'application/json', '{')).status).toBe(400);
  expect(receiver.spans).toEqual([]);
});

function post(receiver: OtlpReceiver, type: string, body: string): Promise<Response> {
  return fetch(`${receiver.endpoint}/v1/traces`, { method: 'POST', headers: { 'content-type': type }, body });
}

async function send(environment: Readonly<Record<string, string>>): Promise<void> {
  const child = spawn(process.execPath, [sender], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env.PATH,
      ...environment,
      OTEL_METRICS_EXPORTER: 'none',
      OTEL_LOGS_EXPORTER: 'none',
    },
  });
  expect(await once(child, 'exit')).toEqual([0, null]);
}
