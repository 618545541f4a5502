import type { VideoGrid } from '../plan/grid.ts';
import type { VideoRung } from '../plan/ladder.ts';
import type { EncoderPreset } from '../plan/profile.ts';
import { decodedFrames, type H264Coding, type LevelCoding } from '../plan/video-coding.ts';
import type { HdrMetadata } from '../probe/source-info.ts';
import { hardwareEncoderArgs } from './hardware-args.ts';

type RungOf<C> = Extract<VideoRung, C>;

/**
 * Options of the encoder of a rung: closed groups of exactly one segment each, constant quality below a peak, and nothing that
 * depends on where a unit is cut or on the machine.
 */
export function videoCodecArgs(
  rung: VideoRung,
  grid: VideoGrid,
  threads: number,
  metadata?: HdrMetadata,
): string[] {
  const gop = Math.ceil(grid.framesPerSegment / rung.frameRateDivisor);
  if (rung.encoder !== 'software') return hardwareEncoderArgs(rung, gop);
  if (rung.codec === 'h264') return h264Args(rung, gop, threads);
  if (rung.codec === 'hevc') return hevcArgs(rung, gop, threads, metadata);
  return rung.codec === 'vp9' ? vp9Args(rung, gop, threads) : av1Args(rung, gop, threads, metadata);
}

/**
 * How many frames decoding may be ahead of presentation. x264 and x265 reorder two frames at most: three B-frames, one of which is
 * a reference; hardware encoders are told to reorder one. VP9 and AV1 carry what they reorder inside of the packet of a shown frame.
 */
export function reorderDepthOf(codec: VideoRung['codec']): number {
  return codec === 'h264' || codec === 'hevc' ? 2 : 0;
}

function h264Args(rung: RungOf<H264Coding>, gop: number, threads: number): string[] {
  return [
    ...['-c:v', 'libx264', '-preset', rung.preset, '-threads', `${threads}`],
    ...['-profile:v', rung.h264Profile, '-level:v', `${rung.h264Level / 10}`, '-pix_fmt', 'yuv420p'],
    ...['-crf', `${rung.crf}`, '-maxrate', `${rung.maxBitrateBps}`, '-bufsize', `${rung.bufferBits}`],
    ...['-g', `${gop}`, '-keyint_min', `${gop}`, '-sc_threshold', '0', '-bf', '3', '-b_strategy', '1'],
    ...['-x264-params', x264Params(rung)],
  ];
}

function x264Params({ preset, h264Profile }: RungOf<H264Coding>): string {
  const params = [
    'b-pyramid=normal',
    `ref=${Math.min(decodedFrames - 1, references[preset] ?? 3)}`,
    'open-gop=0',
  ];
  // Without the one thing that makes High of Main, x264 writes Main into the init segment; `ultrafast` leaves it out.
  if (h264Profile === 'high' && preset === 'ultrafast') params.push('8x8dct=1');
  return params.join(':');
}

/** x264's own numbers of reference frames, which are capped to what the level was computed for. */
const references: Readonly<Record<string, number>> = {
  ultrafast: 1,
  superfast: 1,
  veryfast: 1,
  faster: 2,
  fast: 2,
};

/**
 * x265 takes x264's names of presets. Parameter sets stay in the init segment (`hvc1`), the settings SEI out of it, and frames are
 * encoded one by one, so that threads do not change the rate control.
 */
function hevcArgs(
  rung: RungOf<LevelCoding>,
  gop: number,
  threads: number,
  metadata: HdrMetadata | undefined,
): string[] {
  const [profile, format] = rung.bitDepth === 10 ? ['main10', 'yuv420p10le'] : ['main', 'yuv420p'];
  const params = [
    ...[`keyint=${gop}`, `min-keyint=${gop}`, 'scenecut=0', 'open-gop=0', 'bframes=3', 'b-pyramid=1'],
    ...[`level-idc=${rung.level}`, `high-tier=${rung.tier === 'high' ? 1 : 0}`],
    ...[`pools=${threads}`, 'frame-threads=1', 'repeat-headers=0', 'info=0', 'log-level=error'],
    ...(rung.videoRange === 'PQ' ? ['hdr10=1', 'hdr10-opt=1', ...x265Metadata(metadata)] : []),
  ];
  return [
    ...['-c:v', 'libx265', '-tag:v', 'hvc1', '-preset', rung.preset, '-threads', `${threads}`],
    ...['-profile:v', profile, '-pix_fmt', format, '-crf', `${rung.crf}`],
    ...['-maxrate', `${rung.maxBitrateBps}`, '-bufsize', `${rung.bufferBits}`],
    ...['-g', `${gop}`, '-x265-params', params.join(':')],
  ];
}

/** In the units of ST 2086, which x265 takes as they are. */
function x265Metadata({ masteringDisplay: display, contentLight: light }: HdrMetadata = {}): string[] {
  const point = ([x, y]: readonly [number, number]) => `(${x},${y})`;
  return [
    ...(display === undefined
      ? []
      : [
          `master-display=G${point(display.green)}B${point(display.blue)}R${point(display.red)}` +
            `WP${point(display.whitePoint)}L(${display.maxLuminance},${display.minLuminance})`,
        ]),
    ...(light === undefined ? [] : [`max-cll=${light.maxCll},${light.maxFall}`]),
  ];
}

/** Quality `good` of libvpx, whose `realtime` is for calls: `-cpu-used` 0 (slow) to 5. */
const vp9Speeds: Readonly<Record<EncoderPreset, number>> = {
  ultrafast: 5,
  superfast: 5,
  veryfast: 4,
  faster: 3,
  fast: 2,
  medium: 2,
  slow: 1,
  slower: 0,
};

/** Constrained quality knows only a mean that is not passed; peaks go to 1.45 times of it (developers.google.com/media/vp9/settings/vod). */
const vp9PeakFactor = 1.45;

function vp9Args(rung: RungOf<LevelCoding>, gop: number, threads: number): string[] {
  const mean = Math.round(rung.maxBitrateBps / vp9PeakFactor);
  return [
    ...['-c:v', 'libvpx-vp9', '-deadline', 'good', '-cpu-used', `${vp9Speeds[rung.preset]}`],
    ...['-row-mt', '1', '-tile-columns', `${vp9TileColumns(rung.width)}`, '-frame-parallel', '0'],
    ...['-threads', `${threads}`, '-profile:v', '0', '-pix_fmt', 'yuv420p', '-crf', `${rung.crf}`],
    ...['-b:v', `${mean}`, '-maxrate', `${rung.maxBitrateBps}`, '-bufsize', `${rung.bufferBits}`],
    // Keyframes of more than six usual frames made segments of a film exceed their peak by a third.
    ...['-max-intra-rate', '600', '-g', `${gop}`, '-keyint_min', `${gop}`],
  ];
}

/** Binary logarithm of the columns that decoders work on side by side; none is narrower than about 480 pixels, as in Google's advice. */
function vp9TileColumns(width: number): number {
  return Math.max(0, Math.min(3, Math.floor(Math.log2(width / 480))));
}

/** Presets of SVT-AV1, 0 (slow) to 12, that take about the time of x264's slower neighbour. */
const av1Presets: Readonly<Record<EncoderPreset, number>> = {
  ultrafast: 12,
  superfast: 11,
  veryfast: 10,
  faster: 9,
  fast: 8,
  medium: 7,
  slow: 5,
  slower: 4,
};

/** The peak makes SVT-AV1's constant quality a capped one. It counts `keyint` in frames, and ffmpeg hands it `-g`. */
function av1Args(
  rung: RungOf<LevelCoding>,
  gop: number,
  threads: number,
  metadata: HdrMetadata | undefined,
): string[] {
  const format = rung.bitDepth === 10 ? 'yuv420p10le' : 'yuv420p';
  const params = [
    ...[`lp=${threads}`, 'pin=0', 'tune=0', 'scd=0', 'irefresh-type=2'],
    ...[`level=${rung.level}`, `tier=${rung.tier === 'high' ? 1 : 0}`],
    ...(rung.videoRange === 'PQ' ? svtMetadata(metadata) : []),
  ];
  return [
    ...['-c:v', 'libsvtav1', '-preset', `${av1Presets[rung.preset]}`, '-pix_fmt', format],
    ...['-crf', `${rung.crf}`, '-maxrate', `${rung.maxBitrateBps}`, '-bufsize', `${rung.bufferBits}`],
    ...['-g', `${gop}`, '-svtav1-params', params.join(':')],
  ];
}

/** SVT-AV1 takes chromaticities and cd/m² as they are. */
function svtMetadata({ masteringDisplay: display, contentLight: light }: HdrMetadata = {}): string[] {
  const point = ([x, y]: readonly [number, number]) => `(${x / 50_000},${y / 50_000})`;
  return [
    ...(display === undefined
      ? []
      : [
          `mastering-display=G${point(display.green)}B${point(display.blue)}R${point(display.red)}` +
            `WP${point(display.whitePoint)}L(${display.maxLuminance / 10_000},${display.minLuminance / 10_000})`,
        ]),
    ...(light === undefined ? [] : [`content-light=${light.maxCll},${light.maxFall}`]),
  ];
}
