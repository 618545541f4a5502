import { choice, decimal, flag, httpUrl, optionalText, section } from '../setting.ts';

/** What the process tells about itself. */
export const telemetry = section('Traces, metrics and logs.', {
  otlpEndpoint: optionalText(
    {
      description:
        'OTLP receiver of traces and metrics, e.g. http://jaeger:4318. OTEL_EXPORTER_OTLP_ENDPOINT is used where this is not set.',
      absent: 'nothing is sent',
    },
    httpUrl,
  ),
  otlpProtocol: choice(
    {
      description:
        'Encoding that the receiver takes. OTEL_EXPORTER_OTLP_PROTOCOL is used where this is not set.',
    },
    ['http/protobuf', 'http/json'],
    'http/protobuf',
  ),
  sampleRatio: decimal({ description: 'Share of traces that is kept.', unit: 'ratio' }, 0, 1, 1),
  logLevel: choice(
    { description: 'Least severe log lines that are written.' },
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    'info',
  ),
  metrics: flag({ description: 'Serve Prometheus metrics on /metrics.' }, true),
});
