import { SamplingRefusal } from './byte-source.ts';

/** Where reading may begin, and the time there. */
export interface Place {
  readonly at: number;
  readonly seconds: number;
}

/** A container in which reading may begin in the middle. Its methods throw SamplingRefusal for a file that is unusual. */
export interface PlacedContainer {
  /** What a demuxer needs before it can begin in the middle. */
  readonly head: Buffer;
  /** First byte of the media, and the one after the last. */
  readonly start: number;
  readonly end: number;
  /** The first place from byte `at` on that lies before byte `before`. */
  placeAfter(at: number, before: number): Promise<Place | undefined>;
  /** Times of pictures, as far as they are known by now; in no order. */
  pictureSeconds(): readonly number[];
  /** Times of keyframes, as far as an index lists them. */
  readonly keyframeSeconds: readonly number[];
  /** How close to each other places are looked for, where they are found cheaply. */
  readonly placeSeconds: number;
  /** Time stamps start again at zero after so many seconds. */
  readonly wrapSeconds?: number;
}

/** A range of bytes that is looked at closely. */
export interface SampledWindow {
  readonly start: number;
  readonly end: number;
}

/** How much is looked at. */
export interface SamplingExtent {
  /** Smaller files are scanned: that takes no longer. */
  readonly smallestBytes: number;
  /** How much of the beginning and of the end is looked at, and the most bytes of it. */
  readonly edgeSeconds: number;
  readonly maxEdgeBytes: number;
  /** How many windows between them, how long each, and the most bytes of it. */
  readonly windows: number;
  readonly windowSeconds: number;
  readonly maxWindowBytes: number;
}

/** More places than twelve hours have. */
const maxPlaces = 40_000;
const fewestPlaces = 32;
/** Gaps that are cut out of a presentation are twice as long. */
const mostSeconds = 30;
/** Pictures stand before others that are shown earlier. */
const reorderedSeconds = 1;
/** The first step when the end of a window is looked for. */
const firstStepBytes = 16 * 1024;

/** Finds the windows of a container, after it has made sure that time passes between them without a jump. Throws SamplingRefusal. */
export async function findWindows(
  container: PlacedContainer,
  extent: SamplingExtent,
): Promise<SampledWindow[]> {
  const first = await container.placeAfter(container.start, container.end);
  if (first === undefined) throw new SamplingRefusal('there is no place to begin');
  const headEnd = await windowEnd(container, first, extent.edgeSeconds, extent.maxEdgeBytes);
  const tail = await tailStart(container, headEnd.at, extent);
  await provePlaces(container, first, tail);
  // Where no index tells of keyframes, several must be seen.
  const seconds = extent.windowSeconds * (container.keyframeSeconds.length > 0 ? 1 : 4);
  const windows: SampledWindow[] = [{ start: container.start, end: headEnd.at }];
  for (let number = 1; number <= extent.windows; number++) {
    const from = headEnd.at + ((tail.at - headEnd.at) * number) / (extent.windows + 1);
    const place = await container.placeAfter(Math.floor(from), tail.at);
    if (place === undefined || place.at < (windows.at(-1) as SampledWindow).end) continue;
    const end = await windowEnd(container, place, seconds, extent.maxWindowBytes);
    if (end.at > tail.at) break;
    windows.push({ start: place.at, end: end.at });
  }
  if (windows.length < extent.windows * 0.75)
    throw new SamplingRefusal('the file has too few places to begin');
  return [...windows, { start: tail.at, end: container.end }];
}

/** The first place that is so much later than `from`, or at least half of it when that would take too many bytes. */
async function windowEnd(
  container: PlacedContainer,
  from: Place,
  seconds: number,
  maxBytes: number,
): Promise<Place> {
  let found: Place | undefined;
  for (let step = firstStepBytes; ; step *= 2) {
    const bytes = Math.min(step, maxBytes);
    const place = await container.placeAfter(from.at + bytes, container.end);
    if (place === undefined || place.at - from.at > maxBytes * 2) break;
    found = place;
    if (place.seconds - from.seconds >= seconds || bytes === maxBytes) break;
  }
  if (found === undefined || found.seconds - from.seconds < seconds / 4)
    throw new SamplingRefusal('a window is too short');
  return found;
}

/** The last place that is so much earlier than the last one. */
async function tailStart(
  container: PlacedContainer,
  after: number,
  { edgeSeconds, maxEdgeBytes }: SamplingExtent,
): Promise<Place> {
  let last: Place | undefined;
  for (let step = firstStepBytes; ; step *= 2) {
    const bytes = Math.min(step, maxEdgeBytes);
    if (container.end - bytes <= after) throw new SamplingRefusal('the file is short');
    const place = await container.placeAfter(container.end - bytes, container.end);
    last ??= place;
    const isLong = place && last && last.seconds - place.seconds >= edgeSeconds;
    if (place && (isLong || (bytes === maxEdgeBytes && place.at !== last?.at))) return place;
    if (bytes === maxEdgeBytes) throw new SamplingRefusal('the end has no place to begin');
  }
}

/**
 * Finds places from `from` to `to` that are so close to each other that no long gap fits between them. Refuses time that goes back, and
 * stretches where no place can be found.
 */
async function provePlaces(container: PlacedContainer, from: Place, to: Place): Promise<void> {
  // Where files were joined, time begins anew however little passes from place to place.
  const farBytes = (to.at - from.at) / fewestPlaces;
  const ends: Place[] = [to];
  let begin = from;
  for (let count = 0; ; count++) {
    const end = ends.at(-1);
    if (end === undefined) return;
    if (end.seconds < begin.seconds - reorderedSeconds) throw new SamplingRefusal('time goes back');
    if (count > maxPlaces) throw new SamplingRefusal('there are too many places');
    const seconds = end.seconds - begin.seconds;
    const isFar = seconds > container.placeSeconds || end.at - begin.at > farBytes;
    const middle = isFar ? await between(container, begin, end) : undefined;
    if (middle === undefined) {
      if (seconds > mostSeconds) throw new SamplingRefusal('time jumps');
      begin = end;
      ends.pop();
    } else ends.push(middle);
  }
}

/** A place between two others: half way, else right behind the first one. */
async function between(container: PlacedContainer, begin: Place, end: Place): Promise<Place | undefined> {
  const half = Math.floor((begin.at + end.at) / 2);
  if (half <= begin.at) return undefined;
  return (
    (await container.placeAfter(half, end.at)) ??
    (await container.placeAfter(begin.at + 1, Math.min(half, end.at)))
  );
}
