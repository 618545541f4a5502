import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { createGunzip } from 'node:zlib';
import { type WaitOptions, waitUntil } from './wait-until.ts';

/** Value of a span attribute. */
export type AttributeValue = string | number | boolean | null | readonly AttributeValue[];

/** One span as it arrived. */
export interface ReceivedSpan {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** Empty for a root span. */
  readonly parentSpanId: string;
  readonly name: string;
  /** `service.name` of the process that sent it. */
  readonly service: string;
  /** `internal`, `server`, `client`, `producer`, `consumer`, or `unspecified`. */
  readonly kind: string;
  /** `unset`, `ok` or `error`. */
  readonly status: string;
  readonly durationMs: number;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
}

/** An OTLP/HTTP receiver that keeps every span it gets. */
export interface OtlpReceiver extends AsyncDisposable {
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
  /** Environment variables that make a process send its traces here. */
  readonly environment: Readonly<Record<string, string>>;
  /** All spans so far, in order of arrival. */
  readonly spans: readonly ReceivedSpan[];
  /** Spans of one trace so far. */
  trace(traceId: string): ReceivedSpan[];
  /** Waits for a span that fits and returns it. */
  waitForSpan(fits: (span: ReceivedSpan) => boolean, options?: WaitOptions): Promise<ReceivedSpan>;
}

/**
 * Starts a receiver for `POST /v1/traces` in JSON encoding; metrics and logs are accepted and thrown away. Protobuf is
 * refused with 415: set `OTEL_EXPORTER_OTLP_PROTOCOL=http/json`, as `environment` does.
 */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const server = createServer((request, response) => {
    receive(request, response, spans).catch((error: Error) =>
      answer(response, 400, { message: error.message }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    endpoint,
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
    spans,
    trace: (traceId) => spans.filter((span) => span.traceId === traceId),
    waitForSpan: (fits, options) => waitUntil(() => spans.find(fits), { what: 'a span', ...options }),
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function receive(request: IncomingMessage, response: ServerResponse, spans: ReceivedSpan[]) {
  if (request.headers['content-type']?.split(';')[0] !== 'application/json') {
    request.resume();
    return answer(response, 415, { message: 'Only JSON: set OTEL_EXPORTER_OTLP_PROTOCOL=http/json.' });
  }
  const zipped = request.headers['content-encoding'] === 'gzip';
  const body = await json(zipped ? request.pipe(createGunzip()) : request);
  if (request.url === '/v1/traces') spans.push(...spansOf(body as TracesRequest));
  answer(response, 200, {});
}

function answer(response: ServerResponse, status: number, body: object) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** https://github.com/open-telemetry/opentelemetry-proto: ExportTraceServiceRequest in JSON encoding, as far as used. */
interface TracesRequest {
  resourceSpans?: { resource?: { attributes?: KeyValue[] }; scopeSpans?: { spans?: OtlpSpan[] }[] }[];
}

interface OtlpSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind?: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes?: KeyValue[];
  links?: { traceId: string; spanId: string }[];
  status?: { code?: number };
}

interface KeyValue {
  key: string;
  value?: AnyValue;
}

interface AnyValue {
  stringValue?: string;
  intValue?: string | number;
  doubleValue?: number;
  boolValue?: boolean;
  arrayValue?: { values?: AnyValue[] };
}

const kinds = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'];
const statuses = ['unset', 'ok', 'error'];

function spansOf({ resourceSpans = [] }: TracesRequest): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans = [] }) => {
    const service = attributesOf(resource?.attributes)['service.name'];
    return scopeSpans.flatMap(({ spans = [] }) => spans.map((span) => received(span, String(service ?? ''))));
  });
}

function received(span: OtlpSpan, service: string): ReceivedSpan {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId ?? '',
    name: span.name,
    service,
    kind: kinds[span.kind ?? 0] ?? 'unspecified',
    status: statuses[span.status?.code ?? 0] ?? 'unset',
    durationMs: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6,
    attributes: attributesOf(span.attributes),
    links: (span.links ?? []).map(({ traceId, spanId }) => ({ traceId, spanId })),
  };
}

function attributesOf(list: KeyValue[] = []): Record<string, AttributeValue> {
  return Object.fromEntries(list.map(({ key, value }) => [key, plainValue(value)]));
}

function plainValue(value: AnyValue = {}): AttributeValue {
  if (value.arrayValue) return (value.arrayValue.values ?? []).map(plainValue);
  if (value.intValue !== undefined) return Number(value.intValue);
  return value.stringValue ?? value.doubleValue ?? value.boolValue ?? null;
}
