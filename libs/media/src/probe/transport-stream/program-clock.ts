/** Ticks a second of the time stamps of MPEG systems; they have 33 bits. ISO/IEC 13818-1, 2.4.3.7. */
export const ticksPerSecond = 90_000;
/** When they start again at zero. */
export const wrapTicks = 2 ** 33;

/** What the header of a PES packet tells. */
export interface PesHeader {
  readonly isPicture: boolean;
  /** Presentation time stamp, ticks. */
  readonly pts: number;
}

/** Reads the header of a PES packet; undefined when it is none, or has no time stamp. */
export function pesHeaderAt(bytes: Buffer, at: number): PesHeader | undefined {
  if (at + 14 > bytes.length || bytes.readUIntBE(at, 3) !== 1) return undefined;
  const streamId = bytes[at + 3] as number;
  const isPicture = (streamId & 0xf0) === 0xe0;
  const isSound = (streamId & 0xe0) === 0xc0 || streamId === 0xbd || streamId === 0xfd;
  if (!isPicture && !isSound) return undefined;
  const hasPts = ((bytes[at + 6] as number) & 0xc0) === 0x80 && ((bytes[at + 7] as number) & 0x80) !== 0;
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = bytes.subarray(at + 9, at + 14);
  // Four bits that are 2 or 3, and a marker at the end of the first, third and fifth byte.
  if (!hasPts || (a & 0xe1) !== 0x21 || (c & e & 1) === 0) return undefined;
  const pts = ((a >> 1) & 7) * 2 ** 30 + (b << 22) + ((c >> 1) << 15) + (d << 7) + (e >> 1);
  return { isPicture, pts };
}

/** Seconds since the first time stamp, which may come a little after others; time stamps wrap at most once. */
export function secondsSince(first: number, pts: number): number {
  const backwardTicks = 60 * ticksPerSecond;
  const since = (pts - first + backwardTicks + wrapTicks) % wrapTicks;
  return (since - backwardTicks) / ticksPerSecond;
}
