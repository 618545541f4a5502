/** Bytes `start` to `end`, both included. */
export interface ByteSpan {
  readonly start: number;
  readonly end: number;
}

/**
 * What a Range header asks of a body (RFC 9110, 14.2): one span, nothing that could be sent (`unsatisfiable`), or undefined
 * where the header is to be ignored and the whole body sent: absent, malformed, another unit, or several ranges, which no
 * player asks for.
 */
export function parseRange(
  header: string | undefined,
  sizeBytes: number,
): ByteSpan | 'unsatisfiable' | undefined {
  const match = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i.exec(header ?? '');
  if (!match) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const suffix = Math.min(Number(last), sizeBytes);
    return suffix === 0 ? 'unsatisfiable' : { start: sizeBytes - suffix, end: sizeBytes - 1 };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return undefined;
  if (start >= sizeBytes) return 'unsatisfiable';
  return { start, end: last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1) };
}
