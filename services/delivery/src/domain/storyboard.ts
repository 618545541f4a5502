import type { Storyboard } from '@kerkis/contracts/media';
import type { Thumbnails } from '@kerkis/dash';

/** Sprites of the longest storyboard that is served. */
const maxTiles = 100_000;

/** A storyboard that can be shown, undefined for none or one without a sensible shape. */
export function storyboardOf(storyboard: Storyboard | undefined): Storyboard | undefined {
  if (!storyboard) return undefined;
  const { intervalMs, tileCount, tileWidth, tileHeight, columns, rows } = storyboard;
  const counts = [Number(intervalMs), tileCount, tileWidth, tileHeight, columns, rows];
  return counts.every((count) => count > 0) && tileCount <= maxTiles ? storyboard : undefined;
}

/** How many sprites there are; they are numbered from 1. */
export function spriteCount({ tileCount, columns, rows }: Storyboard): number {
  return Math.ceil(tileCount / (columns * rows));
}

/** The sprites as a DASH manifest tells of them. */
export function thumbnailsOf(storyboard: Storyboard | undefined): Thumbnails | undefined {
  if (!storyboard) return undefined;
  const { intervalMs, tileWidth, tileHeight, columns, rows } = storyboard;
  return {
    media: 'storyboard-$Number$.jpg',
    intervalMs: Number(intervalMs),
    tileWidth,
    tileHeight,
    columns,
    rows,
  };
}

/**
 * The index as players read it: a WebVTT cue for each picture, with its sprite and its place there as a media fragment
 * (`#xywh=x,y,width,height`). URLs are relative to the playback ID; `query` is put on each.
 */
export function storyboardVtt(storyboard: Storyboard, durationMs: number, query: string): string {
  const { tileCount, tileWidth, tileHeight, columns, rows } = storyboard;
  const intervalMs = Number(storyboard.intervalMs);
  const cues: string[] = [];
  for (let index = 0; index < tileCount && index * intervalMs < durationMs; index += 1) {
    const isLast = index === tileCount - 1;
    const endMs = isLast ? durationMs : Math.min((index + 1) * intervalMs, durationMs);
    const sprite = Math.floor(index / (columns * rows)) + 1;
    const place = index % (columns * rows);
    const x = (place % columns) * tileWidth;
    const y = Math.floor(place / columns) * tileHeight;
    cues.push(
      `${clock(index * intervalMs)} --> ${clock(endMs)}`,
      `storyboard-${sprite}.jpg?${query}#xywh=${x},${y},${tileWidth},${tileHeight}`,
      '',
    );
  }
  return ['WEBVTT', '', ...cues].join('\n');
}

/** `01:02:03.004` */
function clock(ms: number): string {
  const part = (value: number, digits = 2) => String(Math.floor(value)).padStart(digits, '0');
  return `${part(ms / 3_600_000)}:${part((ms / 60_000) % 60)}:${part((ms / 1000) % 60)}.${part(ms % 1000, 3)}`;
}
