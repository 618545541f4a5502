/** Content codings that the edge makes, the smaller result first. */
const contentCodings = ['br', 'gzip'] as const;

/** One of them, or none. */
export type ContentCoding = (typeof contentCodings)[number] | 'identity';

/** The coding to answer an Accept-Encoding with (RFC 9110, 12.5.3): the client's best, ours where it does not care. */
export function chooseCoding(header: string | undefined): ContentCoding {
  const weights = new Map<string, number>();
  for (const entry of (header ?? '').slice(0, 512).toLowerCase().split(',')) {
    const [coding = '', ...parameters] = entry.split(';').map((part) => part.trim());
    const q = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    const weight = q === undefined ? 1 : Number(q);
    if (coding !== '' && weight >= 0 && weight <= 1) weights.set(coding, weight);
  }
  const weightOf = (coding: string) => weights.get(coding) ?? weights.get('*') ?? 0;
  const best = contentCodings.reduce((a, b) => (weightOf(b) > weightOf(a) ? b : a));
  // Identity is acceptable unless it is refused, but only what is named has a weight to compare.
  return weightOf(best) > 0 && weightOf(best) >= (weights.get('identity') ?? 0) ? best : 'identity';
}
