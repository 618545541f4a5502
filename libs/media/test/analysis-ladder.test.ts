import { expect, test } from 'vitest';
import {
  type ContentLook,
  defaultProfile,
  fitLadder,
  type Ladder,
  planGrid,
  planLadder,
  type Rendition,
} from '../src/index.ts';
import { exampleSource } from './example-source.ts';

const source = exampleSource(600);
const grid = planGrid(source, { segmentSeconds: 4 });
const ladder = planLadder(source, grid, defaultProfile);
const names = ({ video }: Ladder) => video.map(({ name }) => name);

/** How a made-up content looks: what a size takes at the planned quality, how good it is and what it loses. */
interface MadeSize {
  readonly mbps: number;
  readonly psnrDb: number;
  readonly ownPsnrDb?: number;
  readonly lost?: number;
}

/** A look in which every place is the same, and six steps more halve the bits and cost 3 dB. */
function look(sizes: Record<number, MadeSize>, placeCount = 4): ContentLook {
  const places = Array.from({ length: placeCount }, (_, place) => place * 3000);
  return {
    places,
    framesPerPlace: 16,
    framesPerSegment: 100,
    frameCount: 15_000,
    frameRate: 25,
    sizes: ladder.video.map(({ width, height, crf }) => {
      const { mbps, psnrDb, ownPsnrDb = psnrDb, lost = 80 } = sizes[height] as MadeSize;
      const points = [0, 6].map((worse) => {
        const bits = (mbps * 1e6) / 25 / 2 ** (worse / 6);
        const score = (psnr: number) => ({ psnrDb: psnr - worse / 2, ssim: 0.99 - worse / 1000 });
        const sample = {
          firstBits: bits,
          restBits: bits,
          own: score(ownPsnrDb),
          shown: score(psnrDb),
        };
        return { crf: crf + worse, samples: places.map(() => sample) };
      });
      return { width, height, frameRateDivisor: 1, lostDetail: places.map(() => lost), points };
    }),
  };
}

/** A film as the default ladder expects it: each size is better than the one below at its rate. */
const film = look({
  1080: { mbps: 4.5, psnrDb: 42, lost: 0 },
  720: { mbps: 2.2, psnrDb: 39.5 },
  480: { mbps: 1.1, psnrDb: 37 },
  360: { mbps: 0.6, psnrDb: 34.5 },
  240: { mbps: 0.3, psnrDb: 32 },
});

test('a film keeps its ladder', () => {
  const fitted = fitLadder(ladder, film);
  expect(fitted.reasons).toEqual([]);
  expect(names(fitted.ladder)).toEqual(names(ladder));
  for (const [index, rung] of fitted.ladder.video.entries()) {
    const planned = ladder.video[index];
    expect({ ...rung, averageBitrateBps: 0 }).toEqual({ ...planned, averageBitrateBps: 0 });
  }
  expect(fitted.ladder.video[1]?.averageBitrateBps).toBeCloseTo(2_200_000 + 8_000 + 128 * 25, -4);
});

test('rungs above the detail of the source are dropped, and the one that stands in is better', () => {
  const soft = look({
    1080: { mbps: 2.5, psnrDb: 45.5, lost: 0 },
    720: { mbps: 1.2, psnrDb: 44, lost: 12 },
    480: { mbps: 0.6, psnrDb: 41, lost: 20 },
    360: { mbps: 0.4, psnrDb: 38, lost: 40 },
    240: { mbps: 0.2, psnrDb: 35, lost: 60 },
  });
  const { ladder: fitted, reasons } = fitLadder(ladder, soft);
  expect(names(fitted)).toEqual(['h264-720p', 'h264-480p', 'h264-360p', 'h264-240p']);
  expect(fitted.video[0]?.crf).toBe(20);
  expect(fitted.video[0]?.maxBitrateBps).toBeLessThanOrEqual(3_200_000);
  expect(reasons.slice(0, 2)).toEqual([
    { rung: 'h264-1080p', change: 'dropped', reason: expect.stringContaining('h264-720p') },
    { rung: 'h264-720p', change: 'quality', reason: expect.stringContaining('CRF 20 instead of 22') },
  ]);
});

test('one sharp place, like a line of text, keeps the rung', () => {
  const sharp = look({
    1080: { mbps: 0.5, psnrDb: 50, lost: 0 },
    720: { mbps: 0.3, psnrDb: 48, lost: 5 },
    480: { mbps: 0.2, psnrDb: 46, lost: 5 },
    360: { mbps: 0.1, psnrDb: 45.5, lost: 5 },
    240: { mbps: 0.05, psnrDb: 45.2, lost: 5 },
  });
  expect(names(fitLadder(ladder, sharp).ladder)).toEqual(['h264-240p']);
  const sizes = sharp.sizes.map((size) => ({
    ...size,
    lostDetail: size.height === 1080 ? size.lostDetail : [5, 5, 90, 5],
  }));
  expect(names(fitLadder(ladder, { ...sharp, sizes }).ladder)).toEqual(names(ladder));
});

test('a top rung that starves is dropped, since the next one is as good', () => {
  const noise = look({
    1080: { mbps: 48, psnrDb: 24.3, lost: 0 },
    720: { mbps: 24, psnrDb: 24, lost: 120 },
    480: { mbps: 12, psnrDb: 22, lost: 140 },
    360: { mbps: 6, psnrDb: 21, lost: 140 },
    240: { mbps: 3, psnrDb: 20, lost: 140 },
  });
  const { ladder: fitted } = fitLadder(ladder, noise);
  expect(names(fitted)).toEqual(['h264-720p', 'h264-480p', 'h264-360p', 'h264-240p']);
  expect(fitted.video[0]).toMatchObject({ crf: 22, maxBitrateBps: 3_200_000 });
  // Blurred noise has no worse PSNR, but nothing of its structure.
  const sizes = noise.sizes.map((size) => ({
    ...size,
    points: size.points.map(({ crf, samples }) => {
      const ssim = size.height === 1080 ? 0.2 : 0.1;
      return { crf, samples: samples.map((sample) => ({ ...sample, shown: { ...sample.shown, ssim } })) };
    }),
  }));
  expect(names(fitLadder(ladder, { ...noise, sizes }).ladder)).toEqual(names(ladder));
});

test('easy content gets lower maxima and fewer bits, the lowest rung stays as planned', () => {
  const slides = look({
    1080: { mbps: 0.2, psnrDb: 50, lost: 0 },
    720: { mbps: 0.12, psnrDb: 44, ownPsnrDb: 50 },
    480: { mbps: 0.08, psnrDb: 38, ownPsnrDb: 49 },
    360: { mbps: 0.05, psnrDb: 35, ownPsnrDb: 45.4 },
    240: { mbps: 0.03, psnrDb: 30, ownPsnrDb: 49 },
  });
  const { ladder: fitted } = fitLadder(ladder, slides);
  expect(names(fitted)).toEqual(names(ladder));
  expect(fitted.video.map(({ crf }) => crf)).toEqual([25, 25, 26, 26, 24]);
  // A quarter of what was planned, and not less than the rung below.
  expect(fitted.video.map(({ maxBitrateBps }) => maxBitrateBps)).toEqual([
    1_500_000, 800_000, 400_000, 400_000, 400_000,
  ]);
  for (const [index, rung] of fitted.video.entries()) {
    const planned = ladder.video[index];
    expect(rung).toMatchObject({ codecs: planned?.codecs, width: planned?.width, name: planned?.name });
    expect(rung.bufferBits).toBe(rung.maxBitrateBps);
    // 8 kbit/s and 128 bits a frame for the container, and a full buffer at the start of a segment.
    expect(rung.peakBitrateBps).toBe(Math.ceil(rung.maxBitrateBps * 1.25 + 8_000 + 128 * 25));
  }
  expect(fitted.video.at(-1)).toEqual(ladder.video.at(-1));
});

test('a maximum leaves room for what changes at once', () => {
  const page = look({
    1080: { mbps: 0.1, psnrDb: 44, lost: 0 },
    720: { mbps: 0.1, psnrDb: 40 },
    480: { mbps: 0.1, psnrDb: 36 },
    360: { mbps: 0.1, psnrDb: 33 },
    240: { mbps: 0.1, psnrDb: 30 },
  });
  const heavy = page.sizes.map((size) => ({
    ...size,
    points: size.points.map(({ crf, samples }) => ({
      crf,
      samples: samples.map((sample) => ({ ...sample, firstBits: 1_000_000 })),
    })),
  }));
  const { ladder: fitted } = fitLadder(ladder, { ...page, sizes: heavy });
  // Twice as much as two such pictures in one second, which is the length of the buffer.
  expect(fitted.video[0]?.bufferBits).toBeGreaterThanOrEqual(4_000_000);
  expect(fitted.video[0]?.maxBitrateBps).toBeLessThan(4_500_000);
});

test('a rung that the next one outdoes for the same bits gives bits back, and its maximum with them', () => {
  const sharp = look({
    1080: { mbps: 4.5, psnrDb: 42, lost: 0 },
    720: { mbps: 3, psnrDb: 38 },
    480: { mbps: 1.1, psnrDb: 34 },
    360: { mbps: 0.6, psnrDb: 31 },
    240: { mbps: 0.3, psnrDb: 28 },
  });
  const { ladder: fitted } = fitLadder(ladder, sharp);
  expect(fitted.video.map(({ crf }) => crf)).toEqual([22, 25, 23, 26, 24]);
  expect(fitted.video[1]?.maxBitrateBps).toBeCloseTo(3_200_000 / Math.SQRT2, -5);
});

test('each codec is fitted by itself, by what its quality is worth in H.264', () => {
  const renditions: Rendition[] = (['h264', 'hevc'] as const).flatMap((codec) =>
    [1080, 720, 240].map((height) => ({ height, codec, maxBitrateBps: height * 4000 })),
  );
  const both = planLadder(source, grid, { ...defaultProfile, renditions });
  const soft = look({
    1080: { mbps: 2, psnrDb: 45.1, lost: 0 },
    720: { mbps: 1, psnrDb: 45, lost: 9 },
    480: { mbps: 1, psnrDb: 44, lost: 80 },
    360: { mbps: 1, psnrDb: 44, lost: 80 },
    240: { mbps: 0.2, psnrDb: 35, lost: 80 },
  });
  expect(names(fitLadder(both, soft).ladder)).toEqual(['h264-720p', 'h264-240p', 'hevc-720p', 'hevc-240p']);
});

test('a look that saw too little, or other sizes, changes nothing', () => {
  expect(fitLadder(ladder, { ...film, places: [0] })).toEqual({ ladder, reasons: [] });
  expect(fitLadder(ladder, { ...film, sizes: [] })).toEqual({ ladder, reasons: [] });
  const one = { ...ladder, video: ladder.video.slice(-1) };
  expect(fitLadder(one, film)).toEqual({ ladder: one, reasons: [] });
});

test('the same look, also from JSON, gives the same ladder', () => {
  expect(fitLadder(ladder, JSON.parse(JSON.stringify(film)))).toEqual(fitLadder(ladder, film));
});
