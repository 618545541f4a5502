import type { LogStream } from './logger.ts';

/** Turns pino's JSON lines into lines for a person: time, level, service, message, then `key=value`. */
export function prettyStream(sink: LogStream): LogStream {
  return { write: (line) => sink.write(`${prettyLine(line)}\n`) };
}

/** One JSON log line in readable form. A line that is not JSON passes through, made safe for a terminal. */
function prettyLine(line: string): string {
  const entry = parse(line);
  if (!entry) return safe(line.trimEnd());
  const { time, level, service, msg, err, trace_id: traceId, span_id: _spanId, ...rest } = entry;
  const words = [
    String(time ?? '').slice(11, 23),
    String(level ?? '')
      .toUpperCase()
      .padEnd(5),
    service === undefined ? undefined : `${service}:`,
    msg === undefined ? undefined : String(msg),
    ...Object.entries(rest).map(([key, value]) => `${key}=${shown(value)}`),
    traceId === undefined ? undefined : `trace=${traceId}`,
  ];
  const head = safe(words.filter((word) => word !== undefined).join(' '));
  const stack = isRecord(err) ? (err.stack ?? err.message) : err;
  if (stack === undefined) return head;
  const indented = String(stack)
    .split('\n')
    .map((text) => `    ${safe(text)}`);
  return [head, ...indented].join('\n');
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

/** File names and headers of strangers end up in logs: nothing may reach the terminal as a control sequence. */
function safe(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (char) => `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}
