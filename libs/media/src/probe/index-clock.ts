import { parseRational, toNumber } from '../rational.ts';
import type { Mp4Index } from './mp4/mp4-index.ts';
import { StreamClock } from './stream-clock.ts';
import type { PickedStream, PickedStreams } from './streams.ts';

/** Codecs whose samples ffmpeg hands out as they are, one packet each. */
const plainCodecs: ReadonlySet<string> = new Set([
  ...['h264', 'hevc', 'av1', 'mpeg4', 'mjpeg', 'prores', 'dnxhd', 'h263', 'png'],
  ...['aac', 'opus', 'alac', 'flac', 'amr_nb', 'amr_wb', 'mp3', 'ac3', 'eac3'],
]);
/** Codecs whose last frame is whole for ffmpeg, whatever the file says. */
const wholeFrameCodecs: ReadonlySet<string> = new Set(['ac3', 'eac3']);

/** The clocks of the picked streams from the index of an MP4; undefined when it does not tell all that a scan would. */
export function clocksFromIndex(
  index: Mp4Index,
  picked: PickedStreams,
): Map<number, StreamClock> | undefined {
  const clocks = new Map<number, StreamClock>();
  for (const stream of picked.video === undefined ? picked.audios : [picked.video, ...picked.audios]) {
    const clock = clockOf(index, stream);
    if (clock === undefined) return undefined;
    clocks.set(stream.index, clock);
  }
  return clocks;
}

function clockOf(index: Mp4Index, { raw, timeBase }: PickedStream): StreamClock | undefined {
  const codec = raw.codec_name ?? '';
  if (!plainCodecs.has(codec) && !codec.startsWith('pcm_')) return undefined;
  const found = index.packetsOf(trackIdOf(raw.id));
  if (found === undefined || timeBase.num !== 1 || timeBase.den !== found.timescale) return undefined;
  const { times, lastDuration } = found.presented;
  const isVideo = raw.codec_type === 'video';
  const presented = new Float64Array(times.length);
  const keyframes: number[] = [];
  let count = 0;
  for (let i = 0; i < times.length; i++) {
    const time = times[i] as number;
    if (Number.isNaN(time)) continue;
    presented[count++] = time;
    if (isVideo && found.sync[i] === 1) keyframes.push(time);
  }
  const rate = isVideo ? parseRational(raw.r_frame_rate) : undefined;
  const isWhole = !isVideo && (lastDuration === undefined || wholeFrameCodecs.has(codec));
  const duration = isWhole
    ? usualStep(presented.subarray(0, count))
    : (lastDuration ?? (rate && Math.floor(found.timescale / toNumber(rate))));
  if (count === 0 || duration === undefined) return undefined;
  const clock = new StreamClock(timeBase, isVideo ? undefined : raw.start_pts);
  clock.addAll(presented.subarray(0, count), duration, keyframes);
  return clock;
}

/** The distance of two neighbours at the end of a steady stream. */
function usualStep(times: Float64Array): number | undefined {
  const [before = 0, previous = 0, last = 0] = times.subarray(-3);
  return times.length >= 3 && last - previous === previous - before ? last - previous : undefined;
}

/** ffprobe writes the number of a track like `0x1`; -1 when it does not. */
export function trackIdOf(id: string | undefined): number {
  return id !== undefined && /^0x[0-9a-f]{1,8}$/.test(id) ? Number(id) : -1;
}
