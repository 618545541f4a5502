import type { VideoRung } from '../plan/ladder.ts';
import type { EncoderPreset, HardwareFamily } from '../plan/profile.ts';

/**
 * Options of an encoder in hardware: closed groups of exactly one segment each, keyframes nowhere else, at most one frame
 * reordered, and a quality below a peak as software has it.
 */
export function hardwareEncoderArgs(rung: VideoRung, gop: number): string[] {
  const family = rung.encoder as HardwareFamily;
  return [
    ...['-c:v', `${rung.codec}_${family}`, ...(rung.codec === 'hevc' ? ['-tag:v', 'hvc1'] : [])],
    ...families[family](rung),
    ...['-maxrate', `${rung.maxBitrateBps}`, '-bufsize', `${rung.bufferBits}`],
    ...['-g', `${gop}`, '-force_key_frames', `expr:eq(mod(n,${gop}),0)`],
    ...['-bf', rung.codec === 'h264' || rung.codec === 'hevc' ? '2' : '0'],
  ];
}

const families: Readonly<Record<HardwareFamily, (rung: VideoRung) => string[]>> = {
  nvenc: nvencArgs,
  qsv: qsvArgs,
  vaapi: vaapiArgs,
};

/** Presets of NVENC from quick to good. */
const nvencPresets: Readonly<Record<EncoderPreset, string>> = {
  ultrafast: 'p1',
  superfast: 'p2',
  veryfast: 'p3',
  faster: 'p4',
  fast: 'p4',
  medium: 'p5',
  slow: 'p6',
  slower: 'p7',
};

/**
 * Target quality with a peak. Without `no-scenecut` its look-ahead puts keyframes where it likes, without `strict_gop` groups are of
 * unequal length; B-frames that are references would reorder further than one frame.
 */
function nvencArgs(rung: VideoRung): string[] {
  return [
    ...['-preset', nvencPresets[rung.preset], '-tune', 'hq', ...profileArgs(rung, 'nvenc')],
    ...['-rc', 'vbr', '-cq', `${rung.crf}`, '-b:v', '0', '-rc-lookahead', '16', '-no-scenecut', '1'],
    ...['-forced-idr', '1', '-strict_gop', '1', '-b_ref_mode', 'disabled'],
  ];
}

/** Quick Sync has the words of x264, but not the quickest ones. */
function qsvPreset(preset: EncoderPreset): string {
  return preset === 'ultrafast' || preset === 'superfast' ? 'veryfast' : preset;
}

/** A peak and a quality choose QVBR; the mean must be given and lower than the peak. VP9 knows only the mean. */
function qsvArgs(rung: VideoRung): string[] {
  const quality = rung.codec === 'vp9' ? [] : ['-global_quality', `${quality51(rung)}`];
  const frames = ['-forced_idr', '1', '-idr_interval', '0', '-b_strategy', '0'];
  const types = {
    h264: [...frames, '-adaptive_i', '0', '-adaptive_b', '0'],
    hevc: frames,
    vp9: [],
    av1: ['-forced_idr', '1', '-adaptive_i', '0', '-adaptive_b', '0', '-b_strategy', '0'],
  }[rung.codec];
  return [
    ...['-preset', qsvPreset(rung.preset), ...profileArgs(rung, 'qsv'), '-b:v', `${meanBps(rung)}`],
    ...[...quality, ...types],
  ];
}

/** QVBR as in Quick Sync. An interval of 0 makes every I picture an IDR picture; VAAPI never looks for cuts. */
function vaapiArgs(rung: VideoRung): string[] {
  const rate =
    rung.codec === 'vp9'
      ? ['-rc_mode', 'VBR']
      : ['-rc_mode', 'QVBR', '-global_quality', `${quality51(rung)}`];
  return [
    ...[...rate, '-b:v', `${meanBps(rung)}`, ...profileArgs(rung, 'vaapi')],
    ...['-idr_interval', '0', ...(rung.codec === 'vp9' ? [] : ['-b_depth', '1'])],
  ];
}

/** Below the peak, as rate control of variable rates wants it. */
function meanBps({ maxBitrateBps }: VideoRung): number {
  return Math.round(maxBitrateBps * 0.7);
}

/** Quality on the scale of 1 to 51 that QVBR has for all codecs; AV1's own goes to 63. */
function quality51({ codec, crf }: VideoRung): number {
  return codec === 'av1' ? Math.max(1, Math.round((crf * 51) / 63)) : crf;
}

/** Profile, level and tier, as each encoder wants them. */
function profileArgs(rung: VideoRung, family: HardwareFamily): string[] {
  if (rung.codec === 'h264') {
    const level = family === 'nvenc' ? dotted(rung.h264Level) : `${rung.h264Level}`;
    return ['-profile:v', 'high', '-level:v', level];
  }
  if (rung.codec === 'vp9') return ['-profile:v', family === 'qsv' ? 'profile0' : '0'];
  const level = { nvenc: dotted(rung.level), qsv: `${rung.level}`, vaapi: vaapiLevel(rung) }[family];
  const profile =
    rung.codec === 'hevc' ? ['-profile:v', rung.bitDepth === 10 ? 'main10' : 'main'] : av1Profile[family];
  const tier = rung.codec === 'av1' && family === 'nvenc' ? `${rung.tier === 'high' ? 1 : 0}` : rung.tier;
  // Quick Sync makes the main tier, which is played where the high one is.
  const tierArgs = family === 'qsv' ? [] : ['-tier', tier];
  return [...profile, '-level:v', level, ...tierArgs];
}

/** AV1 has one profile here; NVENC has no option for it. */
const av1Profile: Readonly<Record<HardwareFamily, string[]>> = {
  nvenc: [],
  qsv: ['-profile:v', 'main'],
  vaapi: ['-profile:v', 'main'],
};

const dotted = (level: number): string => (level / 10).toFixed(1);

/** `general_level_idc` of HEVC, `seq_level_idx` of AV1. */
function vaapiLevel({ codec, level }: { readonly codec: string; readonly level: number }): string {
  return `${codec === 'hevc' ? level * 3 : (Math.floor(level / 10) - 2) * 4 + (level % 10)}`;
}
