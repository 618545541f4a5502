export { createLogger, type Logger, type LogLevel, type LogStream, logLevels } from './logger.ts';
export type { OtlpProtocol } from './otlp.ts';
export { type CarrierHeaders, extractContext, injectHeaders, linksFromHeaders } from './propagation.ts';
export { recordFailure, type SpanSettings, withSpan } from './span.ts';
export {
  type ServiceTelemetry,
  startTelemetry,
  type Telemetry,
  type TelemetryOptions,
} from './telemetry.ts';
