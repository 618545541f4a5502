import type { IncomingMessage, ServerResponse } from 'node:http';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import type { MetricReader } from '@opentelemetry/sdk-metrics';

/** A metric reader that is scraped, and the HTTP handler that answers the scrape. */
export function createPrometheusReader(): {
  readonly reader: MetricReader;
  handler(req: IncomingMessage, res: ServerResponse): void;
} {
  const reader = new PrometheusExporter({ preventServerStart: true });
  const serializer = new PrometheusSerializer();
  const handler = (_req: IncomingMessage, res: ServerResponse) => {
    reader.collect().then(
      ({ resourceMetrics }) => {
        res.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
        res.end(groupFamilies(serializer.serialize(resourceMetrics)));
      },
      () => {
        res.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' });
        res.end('The metrics could not be collected.\n');
      },
    );
  };
  return { reader, handler };
}

/**
 * Puts all samples of a metric below one HELP and TYPE line. Services that share a process each have a meter, and the
 * serializer writes one block a meter; the text format allows a family only once.
 * https://prometheus.io/docs/instrumenting/exposition_formats/#comments-help-text-and-type-information
 */
function groupFamilies(text: string): string {
  interface Family {
    readonly comments: Map<string, string>;
    readonly samples: string[];
  }
  const families = new Map<string, Family>();
  let current = '';
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const comment = /^# (HELP|TYPE|UNIT) (\S+)/.exec(line);
    current = comment?.[2] ?? current;
    const family: Family = families.get(current) ?? { comments: new Map(), samples: [] };
    families.set(current, family);
    if (!comment?.[1]) family.samples.push(line);
    else if (!family.comments.has(comment[1])) family.comments.set(comment[1], line);
  }
  return [...families.values()]
    .flatMap(({ comments, samples }) => [...comments.values(), ...samples])
    .map((line) => `${line}\n`)
    .join('');
}
