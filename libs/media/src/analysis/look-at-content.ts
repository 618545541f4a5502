import { createWriteStream } from 'node:fs';
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { KerkisError } from '@kerkis/errors';
import { boxesIn } from '../cmaf/box.ts';
import { readFragment } from '../cmaf/media-segment.ts';
import type { EncodeOptions } from '../encode/encode-unit.ts';
import type { VideoGrid } from '../plan/grid.ts';
import type { Ladder, VideoRung } from '../plan/ladder.ts';
import type { MediaPlan } from '../plan/media-plan.ts';
import { startFfmpeg } from '../process/run-ffmpeg.ts';
import { toNumber } from '../rational.ts';
import { type FrameScore, type MeanScore, meanScore, readDifferences, readScores } from './frame-scores.ts';
import { type LookSize, sampleArgs } from './look-args.ts';
import { type LookPlaces, lookPlaces } from './look-places.ts';
import { likeH264 } from './rate-model.ts';
import { type SampleFiles, scoreArgs } from './score-args.ts';

/** How to look. */
export interface LookOptions extends Omit<EncodeOptions, 'onProgress'> {
  /** Existing directory in which the samples are put while they are compared. */
  readonly scratchDirectory: string;
}

/** One sample of one size and quality. */
export interface LookSample {
  /** Bits of the first picture, which stands alone. */
  readonly firstBits: number;
  /** Mean bits of each of the other pictures; 0 where there is none. */
  readonly restBits: number;
  /** Like the source at the same size. */
  readonly own: MeanScore;
  /** Scaled up to the largest size of the ladder, like the source at that size. */
  readonly shown: MeanScore;
}

/** A size at one quality. */
export interface LookPoint {
  /** x264's constant rate factor. */
  readonly crf: number;
  /** In the order of places. */
  readonly samples: readonly LookSample[];
}

/** What a picture size and rate takes and gives. */
export interface LookAtSize {
  readonly width: number;
  readonly height: number;
  readonly frameRateDivisor: number;
  /**
   * What the size alone loses of the source at the largest size, before anything is encoded: the largest difference of one sample of luma, of
   * 255, after scaling up again. In the order of places; 0 for the largest size.
   */
  readonly lostDetail: readonly number[];
  /** By rising `crf`. */
  readonly points: readonly LookPoint[];
}

/** What the content of a source takes to encode, found with H.264 at a few places. Plain data: kept in the job. */
export interface ContentLook {
  /** Frame of the grid at which each place starts. */
  readonly places: readonly number[];
  readonly framesPerPlace: number;
  /** Frames of a segment of the grid. */
  readonly framesPerSegment: number;
  /** Frames of the grid. */
  readonly frameCount: number;
  /** Frames per second of the grid. */
  readonly frameRate: number;
  /** From the largest to the smallest. */
  readonly sizes: readonly LookAtSize[];
}

/** How much worse than planned the second quality is that is tried. */
const crfDistance = 6;

/**
 * Encodes a few short places of the source with H.264 in all sizes of the ladder, at the planned and at a lower quality, and compares.
 * One decode; a few seconds of CPU for 1080p. Deterministic for the same number of threads.
 *
 * Throws KerkisError `invalid` UNIT_INVALID when the plan has no video, `internal` ENCODER_OUTPUT_UNEXPECTED, and what `startFfmpeg` rejects
 * with. A job need not fail for that: its ladder then stays as planned.
 */
export async function lookAtContent(plan: MediaPlan, options: LookOptions): Promise<ContentLook> {
  const { video: grid } = plan.grid;
  const sizes = sizesOf(plan.ladder);
  if (grid === undefined || sizes.length === 0) {
    throw new KerkisError('invalid', 'UNIT_INVALID', 'There is no video to look at.');
  }
  const divisors = sizes.map(({ rung }) => rung.frameRateDivisor);
  const places = lookPlaces(plan, grid, divisors);
  await using scratch = await mkdtempDisposable(join(options.scratchDirectory, 'look-'));
  const { files, bits } = await encodeSamples(plan, sizes, places, scratch.path, options);
  const scores = await scoreSamples(sizes, places, files, options);
  return describe(grid, sizes, places, bits, scores);
}

/** Each size and rate of the ladder once, from the largest to the smallest; all in one range, or they could not be compared. */
function sizesOf({ video }: Ladder): LookSize[] {
  const isHdr = video.every(({ videoRange }) => videoRange !== 'SDR');
  const alike = video.map((rung): VideoRung => {
    const software: VideoRung = { ...rung, encoder: 'software' };
    return isHdr ? software : { ...software, videoRange: 'SDR', bitDepth: 8 };
  });
  const byShape = Map.groupBy(alike, shapeOf);
  return [...byShape.values()]
    .map((rungs) => rungs[0] as VideoRung)
    .sort((a, b) => b.width * b.height - a.width * a.height || a.frameRateDivisor - b.frameRateDivisor)
    .map((rung) => {
      const planned = likeH264(rung);
      const [free, capped] = [3 * rung.maxBitrateBps, rung.maxBitrateBps];
      return {
        rung,
        trials: [
          { crf: planned, maxBitrateBps: free },
          { crf: Math.min(51, planned + crfDistance), maxBitrateBps: capped },
        ],
      };
    });
}

function shapeOf({ width, height, frameRateDivisor }: VideoRung): string {
  return `${width}x${height}/${frameRateDivisor}`;
}

/** Bits of a place: of its first frame, and the mean of the others. */
type SampleBits = Pick<LookSample, 'firstBits' | 'restBits'>;

async function encodeSamples(
  plan: MediaPlan,
  sizes: readonly LookSize[],
  places: LookPlaces,
  folder: string,
  options: LookOptions,
): Promise<{ files: SampleFiles; bits: SampleBits[][][] }> {
  const files = {
    encoded: sizes.map(({ trials }, size) => trials.map((_, point) => join(folder, `${size}-${point}.mp4`))),
    pictures: sizes.map((_, size) => join(folder, `${size}.nut`)),
  };
  const counts = sizes.reduce((sum, { trials }) => sum + trials.length, 0);
  const ffmpeg = startFfmpeg(sampleArgs(plan, sizes, places, options), {
    ...options,
    readable: [options.sourcePath],
    pipeCount: counts + sizes.length,
  });
  const pipes = ffmpeg.pipes.values();
  const next = () => pipes.next().value as Readable;
  const encoded = files.encoded.map((paths) =>
    paths.map(async (path) => {
      const bytes = await buffer(next());
      await writeFile(path, bytes);
      return bytes;
    }),
  );
  const pictures = files.pictures.map((path) => pipeline(next(), createWriteStream(path)));
  const [bySize] = await Promise.all([
    Promise.all(encoded.map((each) => Promise.all(each))),
    Promise.all(pictures),
    ffmpeg.ended,
  ]);
  return { files, bits: bySize.map((byPoint) => byPoint.map((bytes) => bitsOf(bytes, places))) };
}

/** Bits of each place, which is one fragment. */
function bitsOf(bytes: Buffer, { places }: LookPlaces): SampleBits[] {
  const fragments = boxesIn(bytes).filter(({ type }) => type === 'moof');
  if (fragments.length !== places.length) throw unexpected();
  return fragments.map((moof) => {
    const sizes = readFragment(moof.bytes).samples.map(({ sizeBytes }) => sizeBytes);
    const [first = 0, ...rest] = sizes;
    const sum = rest.reduce((total, size) => total + size, 0);
    return { firstBits: first * 8, restBits: rest.length === 0 ? 0 : Math.round((sum * 8) / rest.length) };
  });
}

/** Scores of a size, by place: of the size alone, and of each quality at its own size and as shown. */
interface SizeScores {
  readonly lostDetail: readonly number[];
  readonly points: readonly { readonly own: readonly MeanScore[]; readonly shown: readonly MeanScore[] }[];
}

async function scoreSamples(
  sizes: readonly LookSize[],
  places: LookPlaces,
  files: SampleFiles,
  options: LookOptions,
): Promise<SizeScores[]> {
  const pipeCount = sizes.reduce(
    (sum, { trials }, size) => sum + (size === 0 ? trials.length : 2 * trials.length + 1),
    0,
  );
  const ffmpeg = startFfmpeg(scoreArgs(sizes, places, files, options), {
    ...options,
    readable: [...files.encoded.flat(), ...files.pictures],
    pipeCount,
  });
  const pipes = ffmpeg.pipes.values();
  const next = () => pipes.next().value as Readable;
  const nextScores = async () => scoresByPlace(await readScores(next()), places);
  const [scores] = await Promise.all([
    Promise.all(
      sizes.map(async ({ trials }, size) => {
        const points = trials.map(async () => {
          const own = nextScores();
          const shown = size === 0 ? own : nextScores();
          return { own: await own, shown: await shown };
        });
        const lost = size === 0 ? undefined : readDifferences(next());
        return { points: await Promise.all(points), lostDetail: mostByPlace(await lost, places) };
      }),
    ),
    ffmpeg.ended,
  ]);
  return scores;
}

function mostByPlace(differences: readonly number[] | undefined, look: LookPlaces): number[] {
  if (differences === undefined) return look.places.map(() => 0);
  const each = comparedFrames(look);
  if (differences.length !== each * look.places.length) throw unexpected();
  return look.places.map((_, place) => Math.max(...differences.slice(place * each, (place + 1) * each)));
}

/** How many frames of a place are compared. */
function comparedFrames({ places, step }: LookPlaces): number {
  return ((places[0]?.end ?? 0) - (places[0]?.first ?? 0)) / step;
}

function scoresByPlace(scores: readonly FrameScore[], look: LookPlaces): MeanScore[] {
  const { places } = look;
  const each = comparedFrames(look);
  const isWhole =
    scores.length === each * places.length &&
    scores.every(({ pts, error, ssim }, n) => pts === n && error >= 0 && Number.isFinite(ssim));
  if (!isWhole) throw unexpected();
  return places.map((_, place) => {
    const { psnrDb, ssim } = meanScore(scores.slice(place * each, (place + 1) * each));
    return { psnrDb: round(psnrDb, 3), ssim: round(ssim, 6) };
  });
}

function describe(
  grid: VideoGrid,
  sizes: readonly LookSize[],
  { places }: LookPlaces,
  bits: readonly SampleBits[][][],
  scores: readonly SizeScores[],
): ContentLook {
  return {
    places: places.map(({ first }) => first),
    framesPerPlace: (places[0]?.end ?? 0) - (places[0]?.first ?? 0),
    framesPerSegment: grid.framesPerSegment,
    frameCount: grid.frameCount,
    frameRate: toNumber(grid.frameRate),
    sizes: sizes.map(({ rung, trials }, size) => ({
      width: rung.width,
      height: rung.height,
      frameRateDivisor: rung.frameRateDivisor,
      lostDetail: scores[size]?.lostDetail ?? [],
      points: trials.map(({ crf }, point) => ({
        crf,
        samples: places.map((_, place) => {
          const score = scores[size]?.points[point];
          const [own, shown] = [score?.own[place], score?.shown[place]];
          const sample = bits[size]?.[point]?.[place];
          if (own === undefined || shown === undefined || sample === undefined) throw unexpected();
          return { ...sample, own, shown };
        }),
      })),
    })),
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function unexpected(): KerkisError {
  return new KerkisError(
    'internal',
    'ENCODER_OUTPUT_UNEXPECTED',
    'The samples of the source are not what was asked for.',
  );
}
