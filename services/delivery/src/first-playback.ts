import { extractContext } from '@kerkis/telemetry';
import { context, type Link, type Span, type Tracer, trace } from '@opentelemetry/api';
import { LRUCache } from 'lru-cache';
import type { Beacon } from './beacons/beacon.ts';
import type { Playing } from './domain/playback.ts';

/** Tells of a playback that begins. */
export type PlaybackBegan = (playing: Playing) => void;

/** Tells of the first picture or sound that a viewer had. */
export type FrameShown = (playing: Playing, beacon: Extract<Beacon, { event: 'first_frame' }>) => void;

const remembered = 10_000;

/**
 * Puts the first playback of each playback ID on this edge into the trace in which its asset began, so that one trace leads
 * from the first uploaded byte to it. The span links to the viewer's own request.
 */
export function firstPlaybacks(tracer: Tracer): PlaybackBegan {
  const isFirst = firsts();
  return (playing) => {
    if (playing.traceParent && isFirst(playing)) spanOf(tracer, 'first playback', playing, Date.now()).end();
  };
}

/**
 * Puts the first picture that a viewer of each playback ID saw into that trace, as long as the viewer waited for it: once for each
 * edge, whatever players tell. The requests that tell of others link to the trace.
 */
export function firstFrames(tracer: Tracer): FrameShown {
  const isFirst = firsts();
  return (playing, { player, startupMs, sincePageMs, width, height }) => {
    if (!playing.traceParent) return;
    if (!isFirst(playing)) {
      const begun = trace.getSpanContext(extractContext({ traceparent: playing.traceParent }));
      if (begun) trace.getActiveSpan()?.addLink({ context: begun });
      return;
    }
    const nowMs = Date.now();
    const span = spanOf(tracer, 'first frame', playing, nowMs - startupMs);
    span.setAttributes({
      'kerkis.player.name': player,
      'kerkis.player.startup_ms': startupMs,
      'kerkis.player.since_page_ms': sincePageMs,
      ...(width > 0 && { 'kerkis.player.width': width, 'kerkis.player.height': height }),
    });
    span.end(nowMs);
  };
}

function firsts(): (playing: Playing) => boolean {
  const seen = new LRUCache<string, true>({ max: remembered });
  return ({ playbackId }) => {
    if (seen.has(playbackId)) return false;
    seen.set(playbackId, true);
    return true;
  };
}

function spanOf(
  tracer: Tracer,
  name: string,
  { playbackId, assetId, traceParent }: Playing,
  startTime: number,
): Span {
  const request = trace.getSpanContext(context.active());
  const links: Link[] = request ? [{ context: request }] : [];
  const attributes = { 'kerkis.playback.id': playbackId, 'kerkis.asset.id': assetId };
  const parent = extractContext({ traceparent: traceParent });
  return tracer.startSpan(name, { links, attributes, startTime }, parent);
}
