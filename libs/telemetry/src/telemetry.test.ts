import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SpanKind, trace } from '@opentelemetry/api';
import { afterEach, expect, test } from 'vitest';
import {
  extractContext,
  injectHeaders,
  linksFromHeaders,
  startTelemetry,
  type TelemetryOptions,
  withSpan,
} from './index.ts';

const stack: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of stack.splice(0).reverse()) await close();
});

interface ReceivedSpan {
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly status: { code?: number; message?: string };
  readonly events?: { name: string }[];
  readonly links?: { traceId: string }[];
  readonly attributes: { key: string; value: { stringValue?: string } }[];
}

test('spans of several services reach one receiver as one trace, each with its own service name', async () => {
  const receiver = await otlpReceiver();
  const telemetry = start({ otlpEndpoint: `${receiver.url}/base/` });
  const catalog = telemetry.forService('catalog');
  const upload = telemetry.forService('upload');
  expect(telemetry.forService('catalog')).toBe(catalog);

  let headers: Record<string, string> = {};
  await withSpan(
    upload.tracer,
    'receive',
    { kind: SpanKind.SERVER, attributes: { 'test.x': 'y' } },
    async () => {
      await new Promise((resolve) => setImmediate(resolve));
      headers = injectHeaders();
    },
  );
  await withSpan(catalog.tracer, 'handle', { parent: extractContext(headers) }, () => 1);
  await withSpan(catalog.tracer, 'consume', { links: linksFromHeaders(headers) }, () => 1);
  await telemetry[Symbol.asyncDispose]();

  const byName = new Map(receiver.spans.map((span) => [span.name, span]));
  const receive = byName.get('receive');
  expect(receive).toMatchObject({ service: 'kerkis-upload' });
  expect(byName.get('handle')).toMatchObject({
    service: 'kerkis-catalog',
    traceId: receive?.traceId,
    parentSpanId: receive?.spanId,
  });
  expect(byName.get('consume')?.traceId).not.toBe(receive?.traceId);
  expect(byName.get('consume')?.links).toMatchObject([{ traceId: receive?.traceId }]);
  expect(new Set(receiver.paths)).toEqual(new Set(['/base/v1/traces', '/base/v1/metrics']));
});

test('protobuf is the default encoding', async () => {
  const receiver = await otlpReceiver();
  const telemetry = start({ otlpEndpoint: receiver.url, otlpProtocol: undefined });
  await withSpan(telemetry.tracer, 'a', {}, () => 1);
  await telemetry.flush();
  expect(receiver.contentTypes).toContain('application/x-protobuf');
});

test('what a span throws is recorded and thrown on', async () => {
  const receiver = await otlpReceiver();
  const telemetry = start({ otlpEndpoint: receiver.url });
  const failure = Object.assign(new Error('no such asset'), { reason: 'ASSET_NOT_FOUND' });
  await expect(withSpan(telemetry.tracer, 'fails', {}, () => Promise.reject(failure))).rejects.toBe(failure);
  await telemetry.flush();
  const span = receiver.spans.find(({ name }) => name === 'fails');
  expect(span).toMatchObject({
    status: { code: 2, message: 'no such asset' },
    events: [{ name: 'exception' }],
  });
  expect(span?.attributes).toContainEqual({ key: 'error.type', value: { stringValue: 'ASSET_NOT_FOUND' } });
});

test('log lines carry service and span ids, follow the level, and keep secrets out', async () => {
  const lines: string[] = [];
  const telemetry = start({ logStream: { write: (line) => lines.push(line) } });
  const { logger, tracer } = telemetry.forService('catalog');
  const ids = await withSpan(tracer, 'work', {}, (span) => {
    logger.debug('too fine');
    logger.info({ assetId: 'ast_1', authorization: 'Bearer x', request: { token: 'y' } }, 'asset created');
    return span.spanContext();
  });
  logger.error({ err: new Error('outer', { cause: new Error('inner') }) }, 'failed');
  const [created, failed, ...rest] = lines.map((line) => JSON.parse(line));
  expect(rest).toEqual([]);
  expect(created).toMatchObject({
    level: 'info',
    service: 'catalog',
    msg: 'asset created',
    assetId: 'ast_1',
    trace_id: ids.traceId,
    span_id: ids.spanId,
    authorization: '[redacted]',
    request: { token: '[redacted]' },
  });
  expect(failed.trace_id).toBeUndefined();
  expect(failed.err.stack).toContain('inner');
});

test('readable logs are one safe line an entry, with the stack below', () => {
  const lines: string[] = [];
  const { logger } = start({ logPretty: true, logStream: { write: (line) => lines.push(line) } });
  logger.warn({ file: 'a\u001b[2Jb\nc\u009b', sizeBytes: 3 }, 'odd \u001b name');
  logger.error({ err: new Error('boom') }, 'failed');
  expect(lines[0]).toMatch(
    /^\d\d:\d\d:\d\d\.\d{3} WARN {2}test: odd \\u001b name file="a\\u001b\[2Jb\\nc\\u009b" sizeBytes=3\n$/,
  );
  expect(lines[1]).toMatch(/ERROR test: failed\n {4}Error: boom\n {4} +at /);
});

test('metrics of all services are served in valid Prometheus text', async () => {
  const telemetry = start({});
  for (const name of ['catalog', 'upload']) {
    telemetry.forService(name).meter.createCounter('things.made', { description: 'Things' }).add(2);
  }
  const server = await listen(createServer((req, res) => telemetry.metricsHandler(req, res)));
  const response = await fetch(server.url);
  const text = await response.text();
  expect(response.headers.get('content-type')).toContain('version=0.0.4');
  expect(text.match(/^# TYPE things_made_total counter$/gm)).toHaveLength(1);
  expect(text).toMatch(/^things_made_total\{.*kerkis-catalog.*\} 2$/m);
  expect(text).toMatch(/^things_made_total\{.*kerkis-upload.*\} 2$/m);
  expect(text).toMatch(/^process_memory_usage(\{.*\})? \d+$/m);
});

test('a receiver that is away is logged and does not hold up the end', async () => {
  const lines: string[] = [];
  const server = await listen(createServer());
  await server.close();
  const telemetry = start({ otlpEndpoint: server.url, logStream: { write: (line) => lines.push(line) } });
  await withSpan(telemetry.tracer, 'a', {}, () => 1);
  await telemetry[Symbol.asyncDispose]();
  await telemetry[Symbol.asyncDispose]();
  expect(lines.join('')).toContain('telemetry receiver does not answer');
});

test('malformed trace headers are as good as none', () => {
  for (const traceparent of [
    '',
    'x',
    '00-0-0-01',
    `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`,
    'ÿ'.repeat(1000),
  ]) {
    expect(trace.getSpanContext(extractContext({ traceparent }))).toBeUndefined();
  }
  const good = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  for (const headers of [
    { Traceparent: good },
    new Headers({ traceparent: good }),
    { traceparent: [good] },
  ]) {
    expect(trace.getSpanContext(extractContext(headers))?.traceId).toBe('a'.repeat(32));
  }
});

function start(options: Partial<TelemetryOptions>) {
  const telemetry = startTelemetry({
    serviceName: 'test',
    version: '1.2.3',
    sampleRatio: 1,
    logLevel: 'info',
    otlpProtocol: 'http/json',
    logStream: { write: () => undefined },
    ...options,
  });
  stack.push(() => telemetry[Symbol.asyncDispose]());
  return telemetry;
}

async function otlpReceiver() {
  const spans: ReceivedSpan[] = [];
  const paths: string[] = [];
  const contentTypes: (string | undefined)[] = [];
  const { url } = await listen(
    createServer(async (req, res) => {
      paths.push(req.url ?? '');
      contentTypes.push(req.headers['content-type']);
      const body = await bodyOf(req);
      if (req.url?.endsWith('/traces') && req.headers['content-type'] === 'application/json') {
        for (const { resource, scopeSpans } of JSON.parse(body).resourceSpans) {
          const service = resource.attributes.find((it: { key: string }) => it.key === 'service.name').value
            .stringValue;
          for (const scope of scopeSpans) for (const span of scope.spans) spans.push({ service, ...span });
        }
      }
      res.end('{}');
    }),
  );
  return { url, spans, paths, contentTypes };
}

async function bodyOf(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function listen(server: Server) {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()).closeAllConnections());
  stack.push(close);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}
