import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  defaultProfile,
  type MediaPlan,
  makeStoryboard,
  planGrid,
  planLadder,
  planStoryboard,
  type SegmentedTrack,
  type Storyboard,
  spriteCount,
  storyboardVtt,
  videoSegmentRuns,
} from '../src/index.ts';
import { exampleSource } from './example-source.ts';
import { encode, ffmpeg, ffprobe, plan, settings, temporaryFolder, unitsOf, x264 } from './samples.ts';
import { greyLevels, risingGrey } from './shades.ts';

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());
const at = (name: string) => join(folder.path, name);

/** A plan of a film of this length. */
function planned(seconds: number, video = {}, segmentSeconds = 4): MediaPlan {
  const source = exampleSource(seconds, { endSeconds: seconds, ...video });
  const grid = planGrid(source, { segmentSeconds });
  return { source, grid, ladder: planLadder(source, grid, defaultProfile) };
}

/** The stored lowest rung of a film, encoded. */
async function lowestTrack(
  path: string,
): Promise<{ media: MediaPlan; track: SegmentedTrack; reads: number[] }> {
  const media = await plan(path);
  const rung = media.ladder.video.at(-1);
  const tracks = await encode(media, path, unitsOf(media, 99));
  const { inits = [], segments = [] } = tracks.get(rung?.name ?? '') ?? {};
  const reads: number[] = [];
  const track = {
    init: inits[0] as Buffer,
    timescale: media.grid.video?.timescale ?? 0,
    segments: videoSegmentRuns(media.grid, rung?.frameRateDivisor),
    readSegment: async (index: number) => {
      reads.push(index);
      return segments[index] as Buffer;
    },
  };
  return { media, track, reads };
}

/** Frames of `risingGrey` in the tiles of all sprites. */
async function framesOf(storyboard: Storyboard, track: SegmentedTrack): Promise<number[]> {
  const frames: number[] = [];
  for await (const sprite of makeStoryboard(storyboard, track, settings)) {
    await writeFile(at('sprite.jpg'), sprite);
    const { streams } = await ffprobe('-show_streams', at('sprite.jpg'));
    expect(streams).toMatchObject([
      {
        codec_name: 'mjpeg',
        width: storyboard.tileWidth * storyboard.columns,
        height: storyboard.tileHeight * storyboard.rows,
      },
    ]);
    const levels = await greyLevels(at('sprite.jpg'), storyboard.columns, storyboard.rows);
    // Encoding twice takes off a level or two.
    frames.push(...levels.map((level) => Math.round((level - 18.5) / 4) + 0));
  }
  return frames;
}

test('a storyboard has a picture each second of a clip, and 500 at most of a long film', () => {
  for (const [seconds, intervalMs, tileCount] of [
    [0.04, 1000, 1],
    [10, 1000, 10],
    [250, 1000, 250],
    [251, 4000, 63],
    [7200, 16_000, 450],
    [43_200, 88_000, 491],
  ] as const) {
    const storyboard = planStoryboard(planned(seconds));
    expect(storyboard, `${seconds} s`).toMatchObject({ intervalMs, tileCount, tileWidth: 160 });
    expect(storyboard.columns * storyboard.tileWidth).toBeLessThanOrEqual(4096);
    expect(storyboard.rows * storyboard.tileHeight).toBeLessThanOrEqual(4096);
    expect(storyboard.rows).toBeLessThanOrEqual(10);
  }
  const frameRate = { num: 30_000, den: 1001 };
  expect(planStoryboard(planned(7200, { frameRate }))).toMatchObject({ intervalMs: 16_016, tileCount: 450 });
  const portrait = { displayWidth: 1080, displayHeight: 1920, width: 1080, height: 1920 };
  expect(planStoryboard(planned(60, portrait))).toMatchObject({ tileWidth: 90, tileHeight: 160 });
  expect(planStoryboard(planned(60), { tileWidth: 1000 })).toMatchObject({ tileWidth: 426, columns: 9 });
  const { video: _, ...silent } = planned(10).grid;
  expect(() => planStoryboard({ ...planned(10), grid: silent })).toThrow(
    expect.objectContaining({ reason: 'SOURCE_HAS_NO_PICTURE' }),
  );
});

test('its index names a part of a sprite for each time', () => {
  const storyboard = { intervalMs: 2000, tileCount: 5, tileWidth: 80, tileHeight: 46, columns: 2, rows: 2 };
  expect(spriteCount(storyboard)).toBe(2);
  expect(storyboardVtt(storyboard, (index) => `images/storyboard-${index + 1}.jpg`)).toBe(
    [
      'WEBVTT\n',
      '00:00:00.000 --> 00:00:02.000\nimages/storyboard-1.jpg#xywh=0,0,80,46\n',
      '00:00:02.000 --> 00:00:04.000\nimages/storyboard-1.jpg#xywh=80,0,80,46\n',
      '00:00:04.000 --> 00:00:06.000\nimages/storyboard-1.jpg#xywh=0,46,80,46\n',
      '00:00:06.000 --> 00:00:08.000\nimages/storyboard-1.jpg#xywh=80,46,80,46\n',
      '00:00:08.000 --> 00:00:10.000\nimages/storyboard-2.jpg#xywh=0,0,80,46\n',
    ].join('\n'),
  );
});

describe('sprites show the picture of each time', async () => {
  const film = at('film.mp4');
  // Colours as rungs have them, so that greys are not rounded twice.
  await ffmpeg(...risingGrey('96x64', 10, 5), ...x264, '-colorspace', 'bt709', film);
  const { media, track, reads } = await lowestTrack(film);
  const shape = { tileWidth: 32, tileHeight: 20, columns: 2, rows: 2 };

  test('from the first picture of each segment', async () => {
    reads.length = 0;
    const storyboard = { ...shape, intervalMs: 1000, tileCount: 5 };
    expect(planStoryboard(media)).toMatchObject({ intervalMs: 1000, tileCount: 5, columns: 5, rows: 1 });
    expect((await framesOf(storyboard, track)).slice(0, 5)).toEqual([0, 10, 20, 30, 40]);
    reads.length = 0;
    expect((await framesOf({ ...storyboard, intervalMs: 2000, tileCount: 3 }, track)).slice(0, 3)).toEqual([
      0, 20, 40,
    ]);
    expect(reads).toEqual([0, 2, 4]);
  });

  test('from all pictures, where segments are longer than the interval', async () => {
    const storyboard = { ...shape, intervalMs: 400, tileCount: 12 };
    const frames = await framesOf(storyboard, track);
    expect(frames).toEqual(Array.from({ length: 12 }, (_, tile) => tile * 4));
  });

  test('of a segment that cannot be decoded, the one before', async () => {
    const broken: SegmentedTrack = {
      ...track,
      readSegment: async (index) => {
        const bytes = Buffer.from(await track.readSegment(index));
        return index === 2 ? bytes.fill(0xa5, bytes.indexOf('mdat') + 4) : bytes;
      },
    };
    const storyboard = { ...shape, intervalMs: 1000, tileCount: 5 };
    expect((await framesOf(storyboard, broken)).slice(0, 5)).toEqual([0, 10, 10, 30, 40]);
  });

  test('and what cannot be read fails as it did, or as what it is', async () => {
    const storyboard = { ...shape, intervalMs: 1000, tileCount: 5 };
    const failing = { ...track, readSegment: () => Promise.reject(new RangeError('gone')) };
    await expect(framesOf(storyboard, failing)).rejects.toMatchObject({ cause: new RangeError('gone') });
    const empty = { ...track, readSegment: async () => Buffer.from('no segment') };
    await expect(framesOf(storyboard, empty)).rejects.toMatchObject({ reason: 'STORED_SEGMENT_INVALID' });
    const stopped = { ...settings, signal: AbortSignal.abort() };
    const cancelled = makeStoryboard(storyboard, track, stopped).next();
    await expect(cancelled).rejects.toMatchObject({ kind: 'cancelled' });
  });
});
