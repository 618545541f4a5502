import type { SegmentRun, Track } from './presentation.ts';
import { element, type XmlElement } from './xml.ts';

/** The same segments with empty runs left out and equal neighbours joined. */
function joinRuns(runs: readonly SegmentRun[]): SegmentRun[] {
  const joined: SegmentRun[] = [];
  for (const run of runs) {
    if (run.count === 0) continue;
    const last = joined.at(-1);
    if (last !== undefined && last.duration === run.duration) {
      joined[joined.length - 1] = { count: last.count + run.count, duration: run.duration };
    } else {
      joined.push(run);
    }
  }
  return joined;
}

/** Of two whole numbers. */
export function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

/** The same text for two tracks exactly when their segments begin and end at the same instants. */
export function alignmentKey(track: Track): string {
  return joinRuns(track.segments)
    .map(({ count, duration }) => {
      const divisor = greatestDivisor(duration, track.timescale);
      return `${count}x${duration / divisor}/${track.timescale / divisor}`;
    })
    .join(' ');
}

/** Longest segment in milliseconds, rounded up. */
export function longestSegmentMs(track: Track): number {
  return track.segments
    .filter((run) => run.count > 0)
    .reduce((longest, run) => Math.max(longest, Math.ceil((run.duration / track.timescale) * 1000)), 0);
}

/** The query with its `?`, safe in a template, or nothing. */
export function querySuffix(query: string | undefined): string {
  const safe = query
    ?.toWellFormed()
    .replace(/[^A-Za-z0-9\-._~!&'()*+,;=:@/?%]/gu, (character) => encodeURIComponent(character));
  return safe === undefined || safe === '' ? '' : `?${safe}`;
}

/** Where the one file of a text track is. */
export function textFile(track: Track, query: string | undefined): XmlElement {
  return element('BaseURL', {}, `${track.name}.vtt${querySuffix(query)}`);
}

/**
 * Where the segments are and when. The URLs are written out in every Representation instead of through
 * `$RepresentationID$`, because a track name holds slashes and an id should not. Query characters that a URL does not
 * allow, and `$`, which would begin a template identifier, are percent-encoded.
 */
export function segmentTemplate(track: Track, query: string | undefined): XmlElement {
  const suffix = querySuffix(query);
  const runs = joinRuns(track.segments).map((run, index) =>
    element('S', {
      t: index === 0 ? 0 : undefined,
      d: run.duration,
      r: run.count > 1 ? run.count - 1 : undefined,
    }),
  );
  return element(
    'SegmentTemplate',
    {
      timescale: track.timescale,
      startNumber: 1,
      initialization: `${track.name}/init.mp4${suffix}`,
      media: `${track.name}/$Number$.m4s${suffix}`,
    },
    [element('SegmentTimeline', {}, runs)],
  );
}
