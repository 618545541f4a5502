import { approximateRate, nearestStandardRate, snapFrameRate } from '../plan/frame-rate.ts';
import { type Rational, toNumber } from '../rational.ts';
import type { Packet } from './ffprobe.ts';
import { countSteps, sortTimes, type TimeSteps } from './time-steps.ts';

/** Source time from `start` to `end` in seconds without a longer gap in it. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Frame rate as the time stamps show it. */
interface MeasuredRate {
  readonly frameRate: Rational;
  readonly isVariable: boolean;
}

/** What the time stamps of one stream say, in seconds. Absent for a stream without any. */
export interface ClockReading {
  readonly startSeconds: number;
  readonly endSeconds: number;
  readonly packetCount: number;
  /** Start of the last frame. */
  readonly lastFrameSeconds: number;
  /** The stream's time without gaps longer than the limit, in order. */
  readonly spans: readonly Span[];
  readonly maxKeyframeIntervalSeconds: number;
  readonly rate?: MeasuredRate;
}

/** Collects the time stamps of one stream as packets go by: 8 bytes a packet. */
export class StreamClock {
  readonly #secondsPerTick: number;
  readonly #startTicks: number | undefined;
  #times: Float64Array = new Float64Array(1024);
  #count = 0;
  #lastDuration = 0;
  #lastTime = Number.NEGATIVE_INFINITY;
  #keyframes: number[] = [];

  /** `startTicks`: where ffprobe says the stream starts, which leaves out samples that the decoder drops. */
  constructor(timeBase: Rational, startTicks?: number) {
    this.#secondsPerTick = toNumber(timeBase);
    this.#startTicks = startTicks;
  }

  /** Takes a packet of this stream. */
  add(packet: Packet): void {
    const time = packet.pts ?? packet.dts;
    if (time === undefined) return;
    if (this.#count === this.#times.length) {
      const grown = new Float64Array(this.#times.length * 2);
      grown.set(this.#times);
      this.#times = grown;
    }
    this.#times[this.#count++] = time;
    if (time >= this.#lastTime) {
      this.#lastTime = time;
      this.#lastDuration = packet.duration;
    }
    if (packet.isKeyframe) this.#keyframes.push(time);
  }

  /**
   * Takes all packets of this stream at once: their times, of which it keeps the array, the duration of the one that is presented last, and
   * the times of keyframes.
   */
  addAll(times: Float64Array, lastDuration: number, keyframes: readonly number[]): void {
    this.#times = times;
    this.#count = times.length;
    this.#lastDuration = lastDuration;
    this.#keyframes = [...keyframes];
  }

  /** Adds it all up. `fallbackRate` counts when there is only one frame. */
  read(maxGapSeconds: number, fallbackRate?: Rational): ClockReading | undefined {
    if (this.#count === 0) return undefined;
    const times = sortTimes(this.#times.subarray(0, this.#count));
    const seconds = (ticks: number) => ticks * this.#secondsPerTick;
    const steps = countSteps(times);
    const median = seconds(steps.median ?? 0);
    const usual = median > 0 ? median : fallbackRate === undefined ? 0 : 1 / toNumber(fallbackRate);
    const last = lastFrameSeconds(seconds(this.#lastDuration), usual, maxGapSeconds);
    const spans = spansOf(times, seconds, last, maxGapSeconds);
    const first = Math.max(seconds(times[0] ?? 0), this.#honestStart(times[0] ?? 0, maxGapSeconds));
    const rate = measureRate(times, steps, seconds, spans, fallbackRate);
    return {
      startSeconds: first,
      endSeconds: Math.max(first, spans.at(-1)?.end ?? first),
      packetCount: this.#count,
      lastFrameSeconds: seconds(times.at(-1) ?? 0),
      spans: spans.map((span, index) =>
        index === 0 ? { ...span, start: Math.max(span.start, first) } : span,
      ),
      maxKeyframeIntervalSeconds: seconds(longestStep(this.#keyframes, times)),
      ...(rate === undefined ? {} : { rate }),
    };
  }

  /** ffprobe's start, unless it is far from the first packet. */
  #honestStart(firstTicks: number, maxGapSeconds: number): number {
    const start = this.#startTicks;
    if (start === undefined || (start - firstTicks) * this.#secondsPerTick > maxGapSeconds)
      return Number.NEGATIVE_INFINITY;
    return start * this.#secondsPerTick;
  }
}

/** Files may claim any duration of the last frame; more than ten usual ones (at least a second) is not believed. */
function lastFrameSeconds(claimed: number, usual: number, maxGapSeconds: number): number {
  const believable = usual > 0 ? Math.max(1, usual * 10) : maxGapSeconds;
  if (claimed > 0 && claimed <= Math.min(believable, maxGapSeconds)) return claimed;
  return usual > 0 ? Math.min(usual, maxGapSeconds) : 0.04;
}

function spansOf(
  times: Float64Array,
  seconds: (ticks: number) => number,
  lastSeconds: number,
  maxGapSeconds: number,
): Span[] {
  const spans: Span[] = [];
  let start = seconds(times[0] ?? 0);
  let previous = start;
  for (let i = 0; i < times.length; i++) {
    const time = seconds(times[i] as number);
    if (time - previous > maxGapSeconds) {
      spans.push({ start, end: previous + lastSeconds });
      start = time;
    }
    previous = time;
  }
  return [...spans, { start, end: previous + lastSeconds }];
}

function longestStep(keyframes: number[], times: Float64Array): number {
  const marks = [...keyframes.sort((a, b) => a - b), times.at(-1) ?? 0];
  let longest = 0;
  let previous = times[0] ?? 0;
  for (const mark of marks) {
    longest = Math.max(longest, mark - previous);
    previous = mark;
  }
  return longest;
}

/** A rate is constant when nine in ten steps are within a fifth (or two ticks) of the usual one. */
function measureRate(
  times: Float64Array,
  steps: TimeSteps,
  seconds: (ticks: number) => number,
  spans: readonly Span[],
  fallbackRate: Rational | undefined,
): MeasuredRate | undefined {
  const { median } = steps;
  if (median === undefined)
    return fallbackRate === undefined ? undefined : { frameRate: fallbackRate, isVariable: false };
  const tolerance = Math.max(median * 0.2, 2);
  const regular = steps.countNear(median, tolerance);
  const length = spans.length === 1 ? seconds((times.at(-1) ?? 0) - (times[0] ?? 0)) : 0;
  const average = length > 0 ? steps.count / length : 1 / seconds(median);
  const isVariable = regular < steps.count * 0.9 || Math.abs(average * seconds(median) - 1) > 0.1;
  if (isVariable) return { frameRate: nearestStandardRate(1 / seconds(median)), isVariable };
  const frameRate =
    snapFrameRate(average) ??
    (agrees(fallbackRate, average, 0.001) || agrees(fallbackRate, 1 / seconds(median), 0.03)
      ? simple(fallbackRate)
      : (snapNear(1 / seconds(median)) ?? approximateRate(average)));
  return { frameRate, isVariable };
}

/** Whether what the file states fits what was measured, to the given part. */
function agrees(rate: Rational | undefined, framesPerSecond: number, part: number): rate is Rational {
  return rate !== undefined && Math.abs(toNumber(rate) / framesPerSecond - 1) < part;
}

/** A few frames measure no rate to 0.1 %: 1 % is near enough. */
function snapNear(framesPerSecond: number): Rational | undefined {
  const nearest = nearestStandardRate(framesPerSecond);
  return Math.abs(toNumber(nearest) / framesPerSecond - 1) < 0.01 ? nearest : undefined;
}

/** A fraction that makes a sane timescale. */
function simple(rate: Rational): Rational {
  const snapped = snapFrameRate(toNumber(rate));
  if (snapped !== undefined) return snapped;
  return rate.num <= 120_000 && rate.den <= 1001 ? rate : approximateRate(toNumber(rate));
}
