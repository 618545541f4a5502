import { KerkisError } from '@kerkis/errors';

/** Which picture: edges, caches and the store hold a bounded number of them. */
export interface ThumbnailPlace {
  /** A multiple of 100. */
  readonly timeMs: number;
  /** One of a few. */
  readonly width: number;
}

const stepMs = 100;
const widths = [160, 320, 480, 640, 960, 1280, 1920];
const defaultWidth = 640;

/**
 * Reads `time` (seconds, with decimals; absent: the middle of what is shown) and `width` (pixels; absent: 640). The time is taken down to the tenth of
 * a second, the width up to the next one that is made. `invalid` THUMBNAIL_QUERY_INVALID, `not_found` PICTURE_NOT_AVAILABLE.
 */
export function thumbnailPlace(
  query: URLSearchParams,
  durationMs: number,
  shownMs = durationMs,
): ThumbnailPlace {
  const timeMs = Math.round(number(query, 'time', /^\d{1,7}(?:\.\d{1,6})?$/, shownMs / 2000) * 1000);
  const wanted = number(query, 'width', /^[1-9]\d{0,4}$/, defaultWidth);
  if (timeMs >= durationMs) {
    throw new KerkisError(
      'not_found',
      'PICTURE_NOT_AVAILABLE',
      `It ends after ${durationMs / 1000} seconds.`,
    );
  }
  return {
    timeMs: Math.floor(timeMs / stepMs) * stepMs,
    width: widths.find((width) => width >= wanted) ?? Math.max(...widths),
  };
}

function number(query: URLSearchParams, name: 'time' | 'width', form: RegExp, absent: number): number {
  const given = query.getAll(name);
  const [text] = given;
  if (text === undefined) return absent;
  if (given.length === 1 && form.test(text)) return Number(text);
  throw new KerkisError(
    'invalid',
    'THUMBNAIL_QUERY_INVALID',
    name === 'time'
      ? 'time is the place in seconds, e.g. time=12.5, given once.'
      : 'width is a whole number of pixels, e.g. width=640, given once.',
    { details: { parameter: name } },
  );
}
