import { extractContext } from '@kerkis/telemetry';
import { context, type Link, type Tracer, trace } from '@opentelemetry/api';
import { LRUCache } from 'lru-cache';
import type { Playing } from './domain/playback.ts';

/** Tells of a playback that begins. */
export type PlaybackBegan = (playing: Playing) => void;

const remembered = 10_000;

/**
 * Puts the first playback of each playback ID on this edge into the trace in which its asset began, so that one trace leads
 * from the first uploaded byte to it. The span links to the viewer's own request.
 */
export function firstPlaybacks(tracer: Tracer): PlaybackBegan {
  const seen = new LRUCache<string, true>({ max: remembered });
  return ({ playbackId, assetId, traceParent }) => {
    if (!traceParent || seen.has(playbackId)) return;
    seen.set(playbackId, true);
    const request = trace.getSpanContext(context.active());
    const links: Link[] = request ? [{ context: request }] : [];
    const attributes = { 'kerkis.playback.id': playbackId, 'kerkis.asset.id': assetId };
    tracer
      .startSpan('first playback', { links, attributes }, extractContext({ traceparent: traceParent }))
      .end();
  };
}
