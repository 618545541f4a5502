import { snapFrameRate } from '../../plan/frame-rate.ts';
import { parseRational, type Rational, toNumber } from '../../rational.ts';
import type { Packet } from '../ffprobe.ts';
import { StreamClock } from '../stream-clock.ts';
import type { PickedStream, PickedStreams } from '../streams.ts';
import { sortTimes } from '../time-steps.ts';
import { keyframesOf, type TimedPacket } from './keyframes.ts';
import type { PlacedContainer } from './places.ts';
import type { SampledPackets } from './scan-windows.ts';

/** How many pictures at the cut ends of a window may have neighbours outside of it: no codec reorders more. */
const reordered = 16;
/** Fewest windows in which pictures follow each other steadily, and fewest pictures of one. */
const fewestWindows = 4;
const fewestPictures = 8;
/** Part of the steps that are nearly the usual one: others are where a recording was cut, or a picture is missing. */
const leastRegular = 0.99;
/** No steady stream makes longer ones. */
const longestStepSeconds = 5;
/** Fewest packets of sound at the beginning and at the end. */
const fewestSounds = 3;

/** What was found of a container by looking at some places. */
export interface Samples {
  readonly container: PlacedContainer;
  readonly packets: SampledPackets;
}

/**
 * The clocks of the picked streams, as a scan would fill them, from their first and last packets and the steady pace between. Undefined when
 * that cannot be said.
 *
 * Pictures must keep one pace in all windows, and from place to place: for at least half of the ways between neighbouring places the time
 * is a whole number of steps, which times of a variable rate are by chance only. What is not seen then is a picture missing, or a cut where
 * the pace begins anew, between two windows; neither changes the duration or the frame rate. Variable rates are not guessed: their usual
 * step is that of most frames, for which all must be seen.
 */
export function clocksFromSamples(
  samples: Samples,
  picked: PickedStreams,
): Map<number, StreamClock> | undefined {
  const { video, audios } = picked;
  const clocks = new Map<number, StreamClock>();
  for (const stream of video === undefined ? audios : [video, ...audios]) {
    const windows = samples.packets.get(stream.index)?.map(toTimed);
    if (windows === undefined || hasJump(stream, windows)) return undefined;
    const clock =
      stream === video ? pictureClock(stream, windows, samples.container) : soundClock(stream, windows);
    if (clock === undefined) return undefined;
    clocks.set(stream.index, clock);
  }
  return clocks;
}

function toTimed(packets: readonly Packet[]): TimedPacket[] {
  return packets.flatMap(({ pts, dts, duration, isKeyframe }) => {
    const time = pts ?? dts;
    return time === undefined ? [] : [{ time, duration, isKeyframe }];
  });
}

/** Whether time jumps within a window, the edges of which no place proves. */
function hasJump({ timeBase }: PickedStream, windows: readonly (readonly TimedPacket[])[]): boolean {
  return windows.some((packets) => {
    const times = sortTimes(Float64Array.from(packets, ({ time }) => time));
    return times.some(
      (time, at) => (time - (times[at - 1] ?? time)) * toNumber(timeBase) > longestStepSeconds,
    );
  });
}

/** The packet that is presented last. */
function lastOf(packets: readonly TimedPacket[]): TimedPacket | undefined {
  return packets.reduce<TimedPacket | undefined>(
    (last, packet) => (last === undefined || packet.time >= last.time ? packet : last),
    undefined,
  );
}

function firstTime(packets: readonly TimedPacket[]): number {
  return packets.reduce((first, { time }) => Math.min(first, time), Number.POSITIVE_INFINITY);
}

function soundClock(
  { timeBase, raw }: PickedStream,
  windows: readonly (readonly TimedPacket[])[],
): StreamClock | undefined {
  const head = windows[0] ?? [];
  const tail = windows.at(-1) ?? [];
  const last = lastOf(tail);
  if (head.length < fewestSounds || tail.length < fewestSounds || last === undefined) return undefined;
  const first = firstTime(head);
  const step = ((lastOf(head)?.time ?? first) - first) / (head.length - 1);
  if (!(step > 0) || last.time <= first) return undefined;
  const clock = new StreamClock(timeBase, raw.start_pts);
  const count = Math.max(1, Math.round((last.time - first) / step));
  clock.addAll(steadyTimes({ first, last: last.time }, count), last.duration, []);
  return clock;
}

function pictureClock(
  stream: PickedStream,
  windows: readonly (readonly TimedPacket[])[],
  container: PlacedContainer,
): StreamClock | undefined {
  const head = windows[0] ?? [];
  const last = lastOf(windows.at(-1) ?? []);
  if (head.length < fewestPictures || last === undefined) return undefined;
  const first = firstTime(head);
  const pieces = windows
    .map((packets, index) => wholePart(packets, index > 0, index < windows.length - 1))
    .filter((times) => times.length >= fewestPictures);
  if (pieces.length < fewestWindows) return undefined;
  const step = paceOf(stream, pieces);
  if (step === undefined) return undefined;
  const secondsPerTick = toNumber(stream.timeBase);
  const toTicks = (seconds: number) => seconds / secondsPerTick;
  const known = container.pictureSeconds().map((seconds) => {
    const since = toTicks(seconds) - first;
    const wrap =
      container.wrapSeconds === undefined ? Number.POSITIVE_INFINITY : toTicks(container.wrapSeconds);
    return first + since - (Math.round(since / wrap) * wrap || 0);
  });
  const count = countPaces([...known, ...pieces.flatMap((times) => [...times]), first, last.time], step);
  if (count === undefined) return undefined;
  const range = { first, last: last.time, step };
  const keyframes = keyframesOf(windows, range, container.keyframeSeconds.map(toTicks));
  if (keyframes === undefined) return undefined;
  const clock = new StreamClock(stream.timeBase);
  clock.addAll(steadyTimes(range, count), last.duration, keyframes);
  return clock;
}

/** Times of a window in order, without those at cut ends, between which others may be missing. */
function wholePart(packets: readonly TimedPacket[], isCutBefore: boolean, isCutAfter: boolean): Float64Array {
  const times = sortTimes(Float64Array.from(packets, ({ time }) => time));
  return times.subarray(
    isCutBefore ? reordered : 0,
    Math.max(0, times.length - (isCutAfter ? reordered : 0)),
  );
}

/** Ticks from picture to picture: a standard rate, or what the file states, if the steps in the windows are nearly that. */
function paceOf({ raw, timeBase }: PickedStream, pieces: readonly Float64Array[]): number | undefined {
  const steps = pieces.flatMap((times) =>
    [...times].slice(1).map((time, at) => time - (times[at] as number)),
  );
  const usual = steps.toSorted((a, b) => a - b)[steps.length >> 1] ?? 0;
  const tolerance = Math.max(usual * 0.2, 2);
  const regular = steps.filter((step) => Math.abs(step - usual) <= tolerance);
  const isSteady = regular.length >= steps.length * leastRegular && steps.every((step) => step > 0);
  if (!isSteady) return undefined;
  const rate = regular.length / (regular.reduce((sum, step) => sum + step, 0) * toNumber(timeBase));
  const stated = [raw.avg_frame_rate, raw.r_frame_rate].map(parseRational);
  const isNear = (each: Rational | undefined): each is Rational =>
    each !== undefined && Math.abs(toNumber(each) / rate - 1) < 0.001;
  const exact = snapFrameRate(rate) ?? stated.find(isNear);
  return exact && 1 / (toNumber(exact) * toNumber(timeBase));
}

/** How many steps it is from the first of some times to the last; undefined when the pace is not kept between them. */
function countPaces(known: readonly number[], step: number): number | undefined {
  const times = Float64Array.from(known).sort();
  const tolerance = Math.max(1.5, step * 0.02);
  let count = 0;
  let ways = 0;
  let steadyWays = 0;
  for (let at = 1; at < times.length; at++) {
    const steps = ((times[at] as number) - (times[at - 1] as number)) / step;
    const isSteady = Math.abs(steps - Math.round(steps)) * step <= tolerance;
    // One of the steps is longer.
    count += isSteady ? Math.round(steps) : Math.floor(steps);
    if (steps < 1.5) continue;
    ways++;
    if (isSteady) steadyWays++;
  }
  return steadyWays >= ways / 2 ? count : undefined;
}

/** Times from the first to the last in so many steps, as evenly as ticks allow. */
function steadyTimes({ first, last }: { first: number; last: number }, count: number): Float64Array {
  const step = (last - first) / count;
  return Float64Array.from({ length: count + 1 }, (_, index) => Math.round(first + index * step));
}
