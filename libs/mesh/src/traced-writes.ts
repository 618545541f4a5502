import { isKerkisError } from '@kerkis/errors';
import type { ObjectStore } from '@kerkis/objects';
import { type ServiceTelemetry, withSpan } from '@kerkis/telemetry';
import { type Span, SpanKind } from '@opentelemetry/api';

/** The store with a client span for each write. Reads have none: who reads a lot of small things would drown the trace. */
export function tracedWrites(store: ObjectStore, tracer: ServiceTelemetry['tracer']): ObjectStore {
  function traced<T>(name: string, key: string, write: (span: Span) => Promise<T>): Promise<T> {
    return withSpan(tracer, name, { kind: SpanKind.CLIENT, attributes: { 'kerkis.object.key': key } }, write);
  }
  return {
    ...store,
    async put(key, body, options) {
      const result = await traced('object put', key, async (span) => {
        try {
          const stored = await store.put(key, body, options);
          span.setAttribute('kerkis.object.size', stored.sizeBytes);
          return stored;
        } catch (error) {
          // An answer, not a fault: somebody else has put the same object.
          if (!options?.ifAbsent || !isKerkisError(error) || error.kind !== 'already_exists') throw error;
          span.setAttribute('kerkis.object.existed', true);
          return error;
        }
      });
      if (result instanceof Error) throw result;
      return result;
    },
    putPart: (key, uploadId, partNumber, body, sizeBytes, options) =>
      traced('object put part', key, (span) => {
        span.setAttributes({ 'kerkis.object.part': partNumber, 'kerkis.object.size': sizeBytes });
        return store.putPart(key, uploadId, partNumber, body, sizeBytes, options);
      }),
    completeMultipart: (key, uploadId, parts) =>
      traced('object complete', key, async (span) => {
        const stored = await store.completeMultipart(key, uploadId, parts);
        span.setAttributes({ 'kerkis.object.parts': parts.length, 'kerkis.object.size': stored.sizeBytes });
        return stored;
      }),
  };
}
