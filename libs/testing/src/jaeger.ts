import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findTool, toolPath } from '@kerkis/tools';
import { freePort } from './free-port.ts';
import { startServerProcess } from './server-process.ts';
import { tempDir } from './temp-dir.ts';
import { waitUntil } from './wait-until.ts';

/** A span as Jaeger shows it. */
export interface JaegerSpan {
  readonly name: string;
  readonly service: string;
}

/** A Jaeger that keeps traces in memory. */
export interface JaegerServer extends AsyncDisposable {
  /** Address of its pages and of its query API. */
  readonly url: string;
  /** Environment variables that make a process send its traces here. */
  readonly environment: Readonly<Record<string, string>>;
  /** Spans of a trace that have arrived so far. */
  trace(traceId: string): Promise<JaegerSpan[]>;
}

/** Whether Jaeger is here. A test that needs it skips with a message otherwise. */
export function hasJaeger(): boolean {
  return findTool('jaeger', process.env) !== undefined;
}

/** Starts Jaeger 2 with an OTLP/HTTP receiver and its query API. */
export async function startJaeger(): Promise<JaegerServer> {
  const command = toolPath('jaeger', process.env);
  await using cleanup = new AsyncDisposableStack();
  const directory = cleanup.use(await tempDir('jaeger')).path;
  const ports = { otlp: await freePort(), http: await freePort(), grpc: await freePort() };
  const config = join(directory, 'jaeger.json');
  await writeFile(config, JSON.stringify(configuration(ports)));
  const port = ports.otlp;
  cleanup.use(
    await startServerProcess({ name: 'jaeger', command, args: ['--config', config], directory, port }),
  );
  const url = `http://127.0.0.1:${ports.http}`;
  await waitUntil(async () => (await fetch(`${url}/api/services`)).ok, { what: "Jaeger's query API" });
  const resources = cleanup.move();
  return {
    url,
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${ports.otlp}` },
    trace: (traceId) => queryTrace(url, traceId),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** https://www.jaegertracing.io/docs/2.13/configuration/ */
function configuration(ports: { otlp: number; http: number; grpc: number }) {
  const address = (port: number) => ({ endpoint: `127.0.0.1:${port}` });
  return {
    receivers: { otlp: { protocols: { http: address(ports.otlp) } } },
    exporters: { jaeger_storage_exporter: { trace_storage: 'memory' } },
    extensions: {
      jaeger_storage: { backends: { memory: { memory: { max_traces: 10_000 } } } },
      jaeger_query: { storage: { traces: 'memory' }, http: address(ports.http), grpc: address(ports.grpc) },
    },
    service: {
      extensions: ['jaeger_storage', 'jaeger_query'],
      pipelines: { traces: { receivers: ['otlp'], exporters: ['jaeger_storage_exporter'] } },
      telemetry: { metrics: { level: 'none' }, logs: { level: 'warn' } },
    },
  };
}

interface JaegerTrace {
  spans: { operationName: string; processID: string }[];
  processes: Record<string, { serviceName: string }>;
}

async function queryTrace(url: string, traceId: string): Promise<JaegerSpan[]> {
  const response = await fetch(`${url}/api/traces/${traceId}`);
  if (response.status === 404) return [];
  const { data } = (await response.json()) as { data: JaegerTrace[] };
  return data.flatMap(({ spans, processes }) =>
    spans.map((span) => ({
      name: span.operationName,
      service: processes[span.processID]?.serviceName ?? '',
    })),
  );
}
