import type { EncodeSettings } from '../encode/video-args.ts';
import { guardArgs, inputArgs } from '../process/input-args.ts';
import { comparison, largestDifference } from './frame-scores.ts';
import { type LookSize, lookHead } from './look-args.ts';
import type { LookPlaces } from './look-places.ts';

/** Files that the run of `sampleArgs` has written. */
export interface SampleFiles {
  /** By size, then by quality. */
  readonly encoded: readonly (readonly string[])[];
  /** By size. */
  readonly pictures: readonly string[];
}

/**
 * One ffmpeg that compares what was encoded with the pictures. Scores on file descriptors from 3 on, in the order of sizes and qualities:
 * at its own size and, but for the first size, then also scaled up to that as a player would; and after the qualities of each size but
 * the first, the largest differences of pictures of that size scaled up, without the encoder's losses.
 */
export function scoreArgs(
  sizes: readonly LookSize[],
  { step }: LookPlaces,
  files: SampleFiles,
  { threads, maxPixels, maxStreams }: EncodeSettings,
): string[] {
  const inputs: string[][] = [];
  const input = (...args: string[]): string => {
    inputs.push(['-threads', `${threads}`, ...args]);
    return `[${inputs.length - 1}:v]`;
  };
  const graph: string[] = [];
  const comparisons = sizes.flatMap(({ rung, trials }, size) => [
    ...trials.flatMap((_, point) => {
      const path = files.encoded[size]?.[point] ?? '';
      const from = input(...guardArgs({ container: 'mov', maxPixels, maxStreams }), ...inputArgs(path));
      const own = `e${size}_${point}`;
      const chosen = `select='not(mod(n,${step / rung.frameRateDivisor}))',${counted}`;
      if (size === 0) graph.push(`${from}${chosen}[${own}]`);
      else graph.push(`${from}${chosen},split[${own}][${own}s]`, `[${own}s]${shownAs(sizes)}[${own}u]`);
      return size === 0
        ? [{ main: own, size }]
        : [
            { main: own, size },
            { main: `${own}u`, size: 0 },
          ];
    }),
    ...(size === 0 ? [] : [{ main: `p${size}u`, size: 0 }]),
  ]);
  files.pictures.forEach((path, size) => {
    const labels = comparisons.flatMap((each, n) => (each.size === size ? `[r${n}]` : []));
    const from = input('-protocol_whitelist', 'file', '-f', 'nut', ...inputArgs(path));
    const own = size === 0 ? '' : `[p${size}]`;
    graph.push(`${from}${counted},split=${labels.length + (size === 0 ? 0 : 1)}${labels.join('')}${own}`);
    if (size > 0) graph.push(`${own}${shownAs(sizes)}[p${size}u]`);
  });
  graph.push(
    ...comparisons.map(({ main }, n) =>
      (main.startsWith('p') ? largestDifference : comparison)(main, `r${n}`, n + 3, `scores${n}`),
    ),
  );
  return [
    ...[...lookHead, '-filter_complex_threads', `${threads}`, ...inputs.flat()],
    ...['-filter_complex', graph.join(';')],
    ...comparisons.flatMap((_, n) => ['-map', `[scores${n}]`, '-fps_mode', 'passthrough', '-f', 'null', '-']),
  ];
}

const counted = 'settb=1/25,setpts=N';

function shownAs([top]: readonly LookSize[]): string {
  return `scale=${top?.rung.width}:${top?.rung.height}:flags=bicubic`;
}
