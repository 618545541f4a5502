import { isSpanContextValid, trace } from '@opentelemetry/api';
import { destination, type Logger, pino, stdTimeFunctions } from 'pino';
import { prettyStream } from './pretty-log.ts';

export type { Logger } from 'pino';

/** Severities, most severe first. `silent` writes nothing. */
export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** One of {@link logLevels}. */
export type LogLevel = (typeof logLevels)[number];

/** What takes finished log lines, each ending in a line feed. */
export interface LogStream {
  write(line: string): void;
}

/** Keys whose values never reach a log, at the top of a line and one level below. */
const secretKeys = ['authorization', 'cookie', 'password', 'secret', 'token', 'apiKey', 'streamKey'];

/** A pino logger whose lines carry `trace_id` and `span_id` of the active span. */
export function createLogger(options: {
  readonly level: LogLevel;
  readonly pretty: boolean;
  readonly stream?: LogStream | undefined;
}): Logger {
  // Synchronous, so that the last lines before a crash are not lost.
  const sink: LogStream = options.stream ?? destination({ fd: 2, sync: true });
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      mixin: activeSpanIds,
      redact: { paths: secretKeys.flatMap((key) => [key, `*.${key}`]), censor: '[redacted]' },
    },
    options.pretty ? prettyStream(sink) : sink,
  );
}

function activeSpanIds(): object {
  const span = trace.getActiveSpan()?.spanContext();
  return span && isSpanContextValid(span) ? { trace_id: span.traceId, span_id: span.spanId } : {};
}
