import { OTLPMetricExporter as JsonMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as ProtobufMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter as JsonTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import type { PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { SpanExporter } from '@opentelemetry/sdk-trace';

/** Encodings of OTLP over HTTP, named as in `OTEL_EXPORTER_OTLP_PROTOCOL`. */
export type OtlpProtocol = 'http/protobuf' | 'http/json';

/** A span exporter for a base URL. */
export function traceExporter(endpoint: string, protocol: OtlpProtocol): SpanExporter {
  const url = signalUrl(endpoint, 'traces');
  return protocol === 'http/json' ? new JsonTraceExporter({ url }) : new ProtobufTraceExporter({ url });
}

/** A metric exporter for a base URL. */
export function metricExporter(endpoint: string, protocol: OtlpProtocol): PushMetricExporter {
  const url = signalUrl(endpoint, 'metrics');
  return protocol === 'http/json' ? new JsonMetricExporter({ url }) : new ProtobufMetricExporter({ url });
}

/** https://opentelemetry.io/docs/specs/otel/protocol/exporter/: the signal's path is added to the path of the base. */
function signalUrl(endpoint: string, signal: 'traces' | 'metrics'): string {
  return `${endpoint.replace(/\/+$/, '')}/v1/${signal}`;
}
