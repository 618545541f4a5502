import { type EncodeSettings, frameFilters, rungChains, videoInputArgs } from '../encode/video-args.ts';
import type { VideoRung } from '../plan/ladder.ts';
import type { MediaPlan } from '../plan/media-plan.ts';
import type { EncoderPreset } from '../plan/profile.ts';
import { formatRational } from '../rational.ts';
import type { LookPlaces } from './look-places.ts';

/** One picture size that is tried at some qualities. */
export interface LookSize {
  /** A rung of this size and rate: the first of the ladder. */
  readonly rung: VideoRung;
  readonly trials: readonly Trial[];
}

/** How a size is tried. */
interface Trial {
  /** x264's constant rate factor. */
  readonly crf: number;
  /** What content that is hard without end is held to. */
  readonly maxBitrateBps: number;
}

/** What both runs of a look begin with. */
export const lookHead: readonly string[] = [
  ...['-nostdin', '-hide_banner', '-loglevel', 'error', '-progress', 'pipe:1', '-stats_period', '0.5'],
  ...['-max_error_rate', '1'],
];

/**
 * One ffmpeg that decodes the places of a look and encodes them end to end, one group of pictures each, for each size and quality; then, for
 * each size, writes the pictures that are compared as they are. Outputs from file descriptor 3 on: the encoded ones in the order of
 * sizes and qualities (MP4), the pictures in the order of sizes (NUT).
 */
export function sampleArgs(
  plan: MediaPlan,
  sizes: readonly LookSize[],
  { places, step }: LookPlaces,
  settings: EncodeSettings,
): string[] {
  const { source, grid } = plan;
  const threads = `${settings.threads}`;
  const parts = places.map(
    (range, n) => `[${n}:${source.video?.index}]${frameFilters(plan, range).join(',')}[place${n}]`,
  );
  const joined = `${places.map((_, n) => `[place${n}]`).join('')}concat=n=${places.length}`;
  const rate = grid.video === undefined ? '1' : formatRational(grid.video.frameRate);
  const counted = `settb=1/(${rate}),setpts=N`;
  const copies = sizes.map(({ rung, trials }, index) => {
    const labels = trials.map((_, point) => `[e${index}_${point}]`).join('');
    const pictures = `[p${index}]framestep=${step / rung.frameRateDivisor}[pictures${index}]`;
    return `[v${index}]format=yuv420p,split=${trials.length + 1}${labels}[p${index}];${pictures}`;
  });
  const chains = rungChains(
    plan,
    sizes.map(({ rung }) => rung),
  );
  const frames = (places[0]?.end ?? 0) - (places[0]?.first ?? 0);
  let pipe = 3;
  const output = (label: string) => ['-map', `[${label}]`, '-map_metadata', '-1', '-fps_mode', 'passthrough'];
  const encoded = sizes.flatMap(({ rung, trials }, index) =>
    trials.flatMap((trial, point) => [
      ...output(`e${index}_${point}`),
      ...encoderArgs(rung.preset, trial, frames / rung.frameRateDivisor, threads),
      ...['-f', 'mp4', '-movflags', '+cmaf+frag_keyframe+skip_trailer', `pipe:${pipe++}`],
    ]),
  );
  const pictures = sizes.flatMap((_, index) => [
    ...output(`pictures${index}`),
    ...['-c:v', 'rawvideo', '-f', 'nut', `pipe:${pipe++}`],
  ]);
  return [
    ...[...lookHead, '-filter_complex_threads', threads],
    ...places.flatMap(({ first }) => videoInputArgs(plan, first, settings)),
    ...['-filter_complex', [...parts, `${joined},${counted},${chains}`, ...copies].join(';')],
    ...[...encoded, ...pictures],
  ];
}

/** Presets that are too slow for a look take the slowest that is not. */
const quickPresets: ReadonlySet<EncoderPreset> = new Set(['ultrafast', 'superfast', 'veryfast']);

/** x264 as the ladder uses it. */
function encoderArgs(preset: EncoderPreset, { crf, maxBitrateBps }: Trial, gop: number, threads: string) {
  return [
    ...['-c:v', 'libx264', '-preset', quickPresets.has(preset) ? preset : 'veryfast', '-threads', threads],
    ...['-crf', `${crf}`, '-g', `${gop}`, '-keyint_min', `${gop}`, '-sc_threshold', '0'],
    // Half a second of buffer: more than a place would never be full.
    ...['-maxrate', `${maxBitrateBps}`, '-bufsize', `${Math.round(maxBitrateBps / 2)}`],
    ...['-bf', '3', '-b_strategy', '1', '-x264-params', 'b-pyramid=normal:open-gop=0'],
  ];
}
