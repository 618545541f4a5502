/** An exact fraction: a frame rate in frames per second, or a time base in seconds per tick. Both parts are positive. */
export interface Rational {
  readonly num: number;
  readonly den: number;
}

/** The fraction `num/den` in lowest terms. */
export function rational(num: number, den: number): Rational {
  const divisor = greatestCommonDivisor(num, den);
  return { num: num / divisor, den: den / divisor };
}

/** The fraction as a floating point number. */
export function toNumber(value: Rational): number {
  return value.num / value.den;
}

/** `30000/1001`, as ffmpeg reads it. */
export function formatRational(value: Rational): string {
  return `${value.num}/${value.den}`;
}

/** Reads `30000/1001` (or `25`); undefined when it is no positive fraction, like ffprobe's `0/0`. */
export function parseRational(text: string | undefined): Rational | undefined {
  const match = /^(\d{1,15})(?:[/:](\d{1,15}))?$/.exec(text ?? '');
  if (match === null) return undefined;
  const num = Number(match[1]);
  const den = Number(match[2] ?? '1');
  return num > 0 && den > 0 ? rational(num, den) : undefined;
}

/** Euclid's algorithm for positive integers. */
/** The largest whole number that divides both. */
export function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
