import type { MediaPlan } from '../plan/media-plan.ts';
import { toNumber } from '../rational.ts';
import { noPicture } from './jpeg.ts';
import { vttTime } from './web-vtt.ts';

/** Small pictures along the whole duration, in sprites: tiles from left to right and from top to bottom. */
export interface Storyboard {
  /** Time from one picture to the next. */
  readonly intervalMs: number;
  /** Pictures in all. */
  readonly tileCount: number;
  readonly tileWidth: number;
  readonly tileHeight: number;
  /** Pictures in a row of a sprite. */
  readonly columns: number;
  /** Rows of a sprite. The last one is filled up with black. */
  readonly rows: number;
}

/** What a storyboard should look like. */
export interface StoryboardOptions {
  /** Longest side of a tile in pixels, 16 to 1,024; 160 by default. Never more than the lowest rung has. */
  readonly tileWidth?: number;
}

/** Up to this length there is a picture each second. */
const shortSeconds = 250;
const maxTiles = 500;
const maxColumns = 10;
const maxSpriteSide = 4096;

/**
 * Decides on the pictures: one each second of a short clip, else one each so many segments that there are 500 at most.
 *
 * Throws KerkisError `unsupported` SOURCE_HAS_NO_PICTURE when the plan has no video.
 */
export function planStoryboard({ grid, ladder }: MediaPlan, options: StoryboardOptions = {}): Storyboard {
  const { video } = grid;
  const rungs = [...ladder.video, ...(ladder.remux ? [ladder.remux] : [])];
  const [rung] = rungs.sort((a, b) => a.width * a.height - b.width * b.height);
  if (video === undefined || rung === undefined) throw noPicture('The source has no video.');
  const seconds = video.frameCount / toNumber(video.frameRate);
  const segmentSeconds = toNumber(grid.segmentSeconds);
  const segmentsPerTile = Math.max(1, Math.ceil(seconds / maxTiles / segmentSeconds));
  const intervalMs =
    seconds <= shortSeconds ? 1000 : Math.max(1000, Math.round(segmentsPerTile * segmentSeconds * 1000));
  const tileCount = Math.max(1, Math.ceil((seconds * 1000) / intervalMs - 1e-6));
  const longest = Math.max(16, Math.min(1024, options.tileWidth ?? 160));
  const factor = Math.min(1, longest / Math.max(rung.width, rung.height));
  const side = (length: number) => Math.max(2, 2 * Math.round((length * factor) / 2));
  const [tileWidth, tileHeight] = [side(rung.width), side(rung.height)];
  const columns = Math.min(maxColumns, tileCount, Math.floor(maxSpriteSide / tileWidth));
  const rows = Math.min(maxColumns, Math.ceil(tileCount / columns), Math.floor(maxSpriteSide / tileHeight));
  return { intervalMs, tileCount, tileWidth, tileHeight, columns, rows };
}

/** How many sprites a storyboard has. */
export function spriteCount({ tileCount, columns, rows }: Storyboard): number {
  return Math.ceil(tileCount / (columns * rows));
}

/**
 * WebVTT that tells which part of which sprite is the picture of which time, as players take it: `storyboard-1.jpg#xywh=160,0,160,90`.
 * `urlOf` gets the number of a sprite, counted from zero.
 */
export function storyboardVtt(storyboard: Storyboard, urlOf: (spriteIndex: number) => string): string {
  const { intervalMs, tileCount, tileWidth, tileHeight, columns, rows } = storyboard;
  const perSprite = columns * rows;
  const cues = Array.from({ length: tileCount }, (_, tile) => {
    const place = tile % perSprite;
    const x = (place % columns) * tileWidth;
    const y = Math.floor(place / columns) * tileHeight;
    const url = urlOf(Math.floor(tile / perSprite));
    const times = `${vttTime(tile * intervalMs)} --> ${vttTime((tile + 1) * intervalMs)}`;
    return `${times}\n${url}#xywh=${x},${y},${tileWidth},${tileHeight}\n`;
  });
  return ['WEBVTT\n', ...cues].join('\n');
}
