import type { Timeline, TimelineGap } from './source-info.ts';
import type { Span } from './stream-clock.ts';

/** The timeline of a presentation made of streams with these spans, and where it ends in source time. */
export interface PlannedTimeline {
  readonly timeline: Timeline;
  readonly endSeconds: number;
}

/** Joins the spans of all streams; what no stream covers for longer than `maxGapSeconds` is cut out. */
export function planTimeline(spans: readonly Span[], maxGapSeconds: number): PlannedTimeline {
  const sorted = [...spans].sort((a, b) => a.start - b.start);
  const startSeconds = sorted[0]?.start ?? 0;
  const gaps: TimelineGap[] = [];
  let covered = startSeconds;
  for (const span of sorted) {
    const missing = span.start - covered;
    if (missing > maxGapSeconds) gaps.push({ endSeconds: span.start, seconds: missing });
    covered = Math.max(covered, span.end);
  }
  return { timeline: { startSeconds, gaps }, endSeconds: covered };
}
