import { parseRational, type Rational } from '../rational.ts';
import type { RawSideData } from './hdr-metadata.ts';
import type { Colour, HdrTransfer, Rotation } from './source-info.ts';

/** ffprobe's JSON, as far as it is used. Everything may be missing: the file decides what is in it. */
export interface RawDescription {
  readonly streams?: readonly RawStream[];
  readonly chapters?: readonly RawChapter[];
}

/** One stream in ffprobe's JSON. */
export interface RawStream {
  readonly index: number;
  /** Number of the track in MP4: `0x1`. */
  readonly id?: string;
  readonly codec_type?: string;
  readonly codec_name?: string;
  readonly codec_tag_string?: string;
  readonly profile?: string;
  readonly width?: number;
  readonly height?: number;
  readonly sample_aspect_ratio?: string;
  readonly pix_fmt?: string;
  readonly field_order?: string;
  readonly color_range?: string;
  readonly color_space?: string;
  readonly color_transfer?: string;
  readonly color_primaries?: string;
  readonly r_frame_rate?: string;
  readonly avg_frame_rate?: string;
  readonly time_base?: string;
  readonly start_pts?: number;
  readonly sample_rate?: string;
  readonly channels?: number;
  readonly channel_layout?: string;
  readonly disposition?: Readonly<Record<string, number>>;
  readonly tags?: { readonly language?: string; readonly title?: string };
  readonly side_data_list?: readonly RawSideData[];
}

/** One chapter in ffprobe's JSON. */
export interface RawChapter {
  readonly start_time?: string;
  readonly end_time?: string;
  readonly tags?: { readonly title?: string };
}

/** A value that the file states, or undefined when ffprobe says that it does not know. */
export function known(value: string | undefined): string | undefined {
  return value === undefined || value === '' || value === 'unknown' || value === 'N/A' || value === 'und'
    ? undefined
    : value;
}

/** Language tag of a stream: two to eight letters, lower case. */
export function language(raw: RawStream): string | undefined {
  const tag = known(raw.tags?.language?.toLowerCase());
  return tag !== undefined && /^[a-z]{2,8}$/.test(tag) ? tag : undefined;
}

/** Title of a stream or chapter without control characters, at most 200 characters. */
export function title(text: string | undefined): string | undefined {
  const clean = text
    ?.replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 200);
  return clean === '' ? undefined : clean;
}

/** Shape of a sample; nonsense (0:1, or more than 1:20) is square. */
export function sampleAspectRatio(raw: RawStream): Rational {
  const ratio = parseRational(raw.sample_aspect_ratio);
  const value = ratio === undefined ? 1 : ratio.num / ratio.den;
  return ratio !== undefined && value <= 20 && value >= 1 / 20 ? ratio : { num: 1, den: 1 };
}

/** Rotation and mirroring from the display matrix, to the nearest quarter turn. */
export function orientation(raw: RawStream): { rotation: Rotation; isMirrored: boolean } {
  const matrix = raw.side_data_list?.find((data) => data.displaymatrix !== undefined)?.displaymatrix ?? '';
  const numbers = `${matrix}`
    .replace(/[0-9a-f]{8}:/g, ' ')
    .split(/\s+/)
    .filter((word) => word !== '')
    .map(Number);
  const [a = 1, b = 0, , c = 0, d = 1] = numbers;
  if (![a, b, c, d].every(Number.isFinite) || a * d - b * c === 0) return { rotation: 0, isMirrored: false };
  const isMirrored = a * d - b * c < 0;
  const degrees = (Math.atan2(b, isMirrored ? -a : a) * 180) / Math.PI;
  const quarters = ((Math.round(degrees / 90) % 4) + 4) % 4;
  return { rotation: (quarters * 90) as Rotation, isMirrored };
}

/** Colour description without what is not stated. */
export function colour(raw: RawStream): Colour {
  const entries = {
    primaries: known(raw.color_primaries),
    transfer: known(raw.color_transfer),
    space: known(raw.color_space),
    range:
      raw.color_range === 'tv' || raw.color_range === 'pc' ? raw.color_range : fullRangeFormat(raw.pix_fmt),
  };
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined));
}

/** `yuvj…` formats mean full range without saying so. */
function fullRangeFormat(pixelFormat: string | undefined): 'pc' | undefined {
  return pixelFormat?.startsWith('yuvj') ? 'pc' : undefined;
}

/** HDR transfer, if it is one. */
export function hdrTransfer(raw: RawStream): HdrTransfer | undefined {
  if (raw.color_transfer === 'smpte2084') return 'pq';
  return raw.color_transfer === 'arib-std-b67' ? 'hlg' : undefined;
}

/** Bits per sample from the pixel format: `yuv420p10le` has 10. */
export function bitDepth(raw: RawStream): number {
  const match = /p(9|10|12|14|16)(?:le|be)?$|^(?:gray|p0)(9|10|12|14|16)/.exec(raw.pix_fmt ?? '');
  return Number(match?.[1] ?? match?.[2] ?? 8);
}

/** Whether fields were captured one after the other. */
export function isInterlaced(raw: RawStream): boolean {
  return ['tt', 'bb', 'tb', 'bt'].includes(raw.field_order ?? '');
}
