import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** How like its reference one frame is. */
export interface FrameScore {
  /** Time stamp of the frame, in the time base of the filters. */
  readonly pts: number;
  /** Mean squared error of all planes as a part of the largest there can be: 0 is equal. PSNR is its logarithm. */
  readonly error: number;
  /** Structural similarity of all planes, 1 is equal. */
  readonly ssim: number;
}

/** Scores of many frames together. */
export interface MeanScore {
  /** Peak signal-to-noise ratio of the mean squared error of all frames; at most `equalPsnrDb`. */
  readonly psnrDb: number;
  /** Mean of the frames. */
  readonly ssim: number;
}

/** What equal pictures get, whose ratio is infinite and no number of JSON. */
const equalPsnrDb = 100;

/** Filters that compare `[<main>]` with `[<reference>]` frame by frame and write `FrameScore`s to file descriptor `pipe`. */
export function comparison(main: string, reference: string, pipe: number, output: string): string {
  const id = `${output}_`;
  return [
    `[${reference}]split[${id}a][${id}b]`,
    `[${main}][${id}a]psnr[${id}p]`,
    `[${id}p][${id}b]ssim,metadata=mode=print:file=pipe\\\\:${pipe}[${output}]`,
  ].join(';');
}

/**
 * Filters that write the largest difference of one sample of luma, of 255, in each frame of `[<main>]` from `[<reference>]`, to file descriptor
 * `pipe`. Means hide a blurred line of text on an empty page; this does not.
 */
export function largestDifference(main: string, reference: string, pipe: number, output: string): string {
  const filters = ['blend=all_mode=difference', 'signalstats', `metadata=mode=print:file=pipe\\\\:${pipe}`];
  return `[${main}][${reference}]${filters.join(',')}[${output}]`;
}

/** Reads what `largestDifference` writes: a number of 0 to 255 for each frame. */
export async function readDifferences(pipe: Readable): Promise<number[]> {
  const differences: number[] = [];
  for await (const line of createInterface({ input: pipe, crlfDelay: Infinity })) {
    const [key, value] = line.split('=');
    if (key === 'lavfi.signalstats.YMAX') differences.push(Number(value));
  }
  return differences;
}

/** Reads what `comparison` writes. */
export async function readScores(pipe: Readable): Promise<FrameScore[]> {
  const scores: FrameScore[] = [];
  let score = { pts: Number.NaN, error: Number.NaN };
  for await (const line of createInterface({ input: pipe, crlfDelay: Infinity })) {
    const [key = '', value = ''] = line.split('=');
    const pts = /^frame:\d+\s+pts:(-?\d+)/.exec(line)?.[1];
    if (pts !== undefined) score = { pts: Number(pts), error: Number.NaN };
    if (key === 'lavfi.psnr.psnr_avg') score.error = value === 'inf' ? 0 : 10 ** (-Number(value) / 10);
    if (key === 'lavfi.ssim.All') scores.push({ ...score, ssim: Number(value) });
  }
  return scores;
}

/** Mean of at least one score. */
export function meanScore(scores: readonly FrameScore[]): MeanScore {
  const mean = (of: (score: FrameScore) => number) =>
    scores.reduce((sum, score) => sum + of(score), 0) / scores.length;
  return { psnrDb: psnrOf(mean(({ error }) => error)), ssim: mean(({ ssim }) => ssim) };
}

/** Peak signal-to-noise ratio of a mean squared error that is a part of the largest. */
function psnrOf(error: number): number {
  return error <= 0 ? equalPsnrDb : Math.min(equalPsnrDb, -10 * Math.log10(error));
}
