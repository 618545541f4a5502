import type { VideoSource } from '../probe/source-info.ts';
import { formatRational } from '../rational.ts';

/** A picture size in pixels. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/**
 * Filters that make whole pictures of fields: of pictures that say that they are interlaced, or of all where the fields were found by
 * looking. `options` of bwdif end in a colon.
 */
export function deinterlaced(video: VideoSource, options = ''): string[] {
  if (!video.isInterlaced) return [];
  const which = video.fieldOrder === undefined ? 'deint=interlaced' : `parity=${video.fieldOrder}:deint=all`;
  return [`bwdif=${options}${which}`, `settb=${formatRational(video.timeBase)}`];
}

/** Filters that bring decoded pictures into the shape of one output, as ffmpeg writes them, to be joined by commas. */
export function toOutputSize(video: VideoSource, size: PictureSize, range: 'tv' | 'pc' = 'tv'): string[] {
  return [
    `scale=${uprightSize(video, size)}:flags=bicubic:${colourMatrix(video, range)}`,
    ...orientation(video),
    'setsar=1',
    range === 'tv' ? 'format=yuv420p' : 'format=yuvj420p',
  ];
}

/**
 * Filters that bring HDR pictures into the shape of one output without a change of their colours: BT.2020, 10 bits, limited range.
 * `format` is `yuv420p10le`, or what a hardware encoder takes.
 */
export function toHdrSize(video: VideoSource, size: PictureSize, format: string): string[] {
  const matrices = 'in_color_matrix=bt2020:out_color_matrix=bt2020';
  const ranges = `in_range=${video.colour.range ?? 'tv'}:out_range=tv`;
  return [
    `scale=${uprightSize(video, size)}:flags=bicubic:${matrices}:${ranges}`,
    ...orientation(video),
    'setsar=1',
    `format=${format}`,
  ];
}

/** Filters that bring HDR pictures to BT.709 at the size of the largest output: tone mapping is what costs. */
export function toneMap(video: VideoSource, size: PictureSize): string[] {
  const transfer = video.hdr === 'hlg' ? 'arib-std-b67' : 'smpte2084';
  return [
    `scale=${uprightSize(video, size)}:flags=bicubic`,
    'format=yuv420p10le',
    `zscale=tin=${transfer}:pin=bt2020:min=bt2020nc:rin=${video.colour.range === 'pc' ? 'full' : 'limited'}:t=linear:npl=100`,
    'format=gbrpf32le',
    'zscale=p=bt709',
    'tonemap=tonemap=hable:desat=0',
    'zscale=t=bt709:m=bt709:p=bt709:r=limited',
    'format=yuv420p',
  ];
}

/** What the source becomes after `toneMap`: the same stream in BT.709. */
export function toneMapped(video: VideoSource, size: PictureSize): VideoSource {
  const { hdr: _, ...rest } = video;
  const [width = 0, height = 0] = isTurned(video) ? [size.height, size.width] : [size.width, size.height];
  return {
    ...rest,
    width,
    height,
    colour: { primaries: 'bt709', transfer: 'bt709', space: 'bt709', range: 'tv' },
  };
}

/** Size before the picture is turned upright. */
function uprightSize(video: VideoSource, { width, height }: PictureSize): string {
  return isTurned(video) ? `${height}:${width}` : `${width}:${height}`;
}

function isTurned(video: VideoSource): boolean {
  return video.rotation === 90 || video.rotation === 270;
}

function orientation({ rotation, isMirrored }: VideoSource): string[] {
  const turn = { 0: [], 90: ['transpose=clock'], 180: ['hflip', 'vflip'], 270: ['transpose=cclock'] }[
    rotation
  ];
  return isMirrored ? [...turn, 'hflip'] : turn;
}

/** Names of the scale filter for the matrices that ffprobe names. */
const matrices: Readonly<Record<string, string>> = {
  bt709: 'bt709',
  fcc: 'fcc',
  bt470bg: 'bt470bg',
  smpte170m: 'smpte170m',
  smpte240m: 'smpte240m',
  bt2020nc: 'bt2020',
  bt2020c: 'bt2020',
};

/** A source that does not say is BT.709 from 720 lines on and BT.601 below, as every player takes it. */
function colourMatrix(video: VideoSource, range: 'tv' | 'pc'): string {
  const isHighDefinition = video.width >= 1280 || video.height >= 720;
  const matrix = matrices[video.colour.space ?? ''] ?? (isHighDefinition ? 'bt709' : 'smpte170m');
  return [
    `in_color_matrix=${matrix}`,
    `out_color_matrix=${range === 'tv' ? 'bt709' : 'bt601'}`,
    `in_range=${video.colour.range ?? 'tv'}`,
    `out_range=${range}`,
  ].join(':');
}
