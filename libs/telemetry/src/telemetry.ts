import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  context,
  DiagLogLevel,
  diag,
  type Meter,
  type MeterProvider as MeterProviderApi,
  type Tracer,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanProcessor,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { createLogger, type Logger, type LogLevel, type LogStream } from './logger.ts';
import { metricExporter, type OtlpProtocol, traceExporter } from './otlp.ts';
import { observeProcess } from './process-metrics.ts';
import { createPrometheusReader } from './prometheus.ts';

/** What one service uses to be observed. Handlers get these passed in; there is no global logger or tracer. */
export interface ServiceTelemetry {
  /** Short name of the service, e.g. `catalog`. */
  readonly service: string;
  /** Its spans carry the resource `service.name` = `kerkis-<service>`. */
  readonly tracer: Tracer;
  /** Its metrics carry the instrumentation scope `kerkis-<service>`. */
  readonly meter: Meter;
  /** Writes `service` and the ids of the active span into each line. */
  readonly logger: Logger;
}

/** The telemetry of a process. Disposing it sends what is buffered, at most three seconds long. */
export interface Telemetry extends ServiceTelemetry, AsyncDisposable {
  /**
   * The telemetry of one service in this process. Where several share a process, each still is a service of its own in
   * a trace, over the same exporter. The same name gives the same object.
   */
  forService(service: string): ServiceTelemetry;
  /** Answers with all metrics of the process in Prometheus text form. */
  metricsHandler(req: IncomingMessage, res: ServerResponse): void;
  /** Sends finished spans and metrics now. Resolves also where the receiver does not answer: that is only logged. */
  flush(): Promise<void>;
}

/** Settings of a process's telemetry. */
export interface TelemetryOptions {
  /** Short name of the service that owns the process, e.g. `catalog` or `standalone`. */
  readonly serviceName: string;
  /** Version of Kerkis, as `service.version`. */
  readonly version: string;
  /**
   * Base URL of the OTLP/HTTP receiver, as in `OTEL_EXPORTER_OTLP_ENDPOINT`: `http://localhost:4318`. `/v1/traces` and
   * `/v1/metrics` are added. Absent or empty: nothing is sent, trace ids are still made and logged.
   */
  readonly otlpEndpoint?: string | undefined;
  /** Encoding on the wire. Default `http/protobuf`. */
  readonly otlpProtocol?: OtlpProtocol | undefined;
  /** Share of new traces that is recorded, 0…1. A caller's decision always wins. */
  readonly sampleRatio: number;
  /** Least severe level that is logged. */
  readonly logLevel: LogLevel;
  /** One readable line instead of JSON. Default false. */
  readonly logPretty?: boolean | undefined;
  /** Where log lines go. Default stderr, so that stdout stays free for results. */
  readonly logStream?: LogStream | undefined;
}

const sendTimeoutMs = 3000;

/** Starts traces, metrics and logs of a process. Register nothing else: handlers get what they need passed in. */
export function startTelemetry(options: TelemetryOptions): Telemetry {
  const logger = createLogger({
    level: options.logLevel,
    pretty: options.logPretty ?? false,
    stream: options.logStream,
  });
  // The one thing that must be global: what carries the active span across awaits. Registering twice is refused, harmlessly.
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  reportSdkProblems(logger);

  const resource = (service: string): Resource =>
    resourceFromAttributes({
      'service.name': fullName(service),
      'service.namespace': 'kerkis',
      'service.version': options.version,
      'service.instance.id': instanceId,
      'process.pid': process.pid,
    });
  const instanceId = crypto.randomUUID();
  const endpoint = options.otlpEndpoint || undefined;
  const protocol = options.otlpProtocol ?? 'http/protobuf';
  const spanProcessors: SpanProcessor[] = endpoint
    ? [new BatchSpanProcessor({ exporter: traceExporter(endpoint, protocol), scheduledDelayMillis: 1000 })]
    : [];
  const prometheus = createPrometheusReader();
  const meterProvider = new MeterProvider({
    resource: resource(options.serviceName),
    readers: [
      prometheus.reader,
      ...(endpoint
        ? [
            new PeriodicExportingMetricReader({
              exporter: metricExporter(endpoint, protocol),
              exportIntervalMillis: 15_000,
            }),
          ]
        : []),
    ],
  });
  observeProcess(meterProvider.getMeter('kerkis-process'));

  const services = new Map<string, ServiceTelemetry>();
  const forService = (service: string): ServiceTelemetry => {
    const known = services.get(service);
    if (known) return known;
    const provider = new TracerProvider({
      resource: resource(service),
      sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(options.sampleRatio) }),
      spanProcessors,
    });
    const made = {
      service,
      tracer: provider.getTracer(fullName(service), options.version),
      meter: (meterProvider as MeterProviderApi).getMeter(fullName(service), options.version),
      logger: logger.child({ service }),
    };
    services.set(service, made);
    return made;
  };

  const flush = async () => {
    const results = await Promise.allSettled([
      ...spanProcessors.map((processor) => processor.forceFlush()),
      meterProvider.forceFlush({ timeoutMillis: sendTimeoutMs }),
    ]);
    for (const { reason } of results.filter((result) => result.status === 'rejected')) {
      logger.warn({ err: reason }, 'telemetry could not be sent');
    }
  };
  const shutdown = async () => {
    await flush();
    await Promise.allSettled([
      ...spanProcessors.map((processor) => processor.shutdown()),
      meterProvider.shutdown({ timeoutMillis: sendTimeoutMs }),
    ]);
  };
  const onTimeout = () =>
    logger.warn({ endpoint, timeoutMs: sendTimeoutMs }, 'telemetry receiver does not answer');
  let disposed: Promise<void> | undefined;
  return {
    ...forService(options.serviceName),
    forService,
    metricsHandler: prometheus.handler,
    flush: () => atMost(flush(), sendTimeoutMs, onTimeout),
    [Symbol.asyncDispose]: () => {
      disposed ??= atMost(shutdown(), sendTimeoutMs, onTimeout);
      return disposed;
    },
  };
}

function fullName(service: string): string {
  return `kerkis-${service}`;
}

/** The SDK reports an unreachable receiver and dropped spans through `diag`, which is silent by default. */
function reportSdkProblems(logger: Logger): void {
  const warn = (message: string, ...details: unknown[]) => logger.warn({ details }, `telemetry: ${message}`);
  const ignore = () => undefined;
  diag.setLogger(
    { error: warn, warn, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}

/** The exporters retry for longer than anybody wants to wait for the end of a process. */
async function atMost(work: Promise<void>, timeoutMs: number, onTimeout: () => void): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      onTimeout();
      resolve();
    }, timeoutMs);
  });
  await Promise.race([work, timeout]).finally(() => clearTimeout(timer));
}
