import type { AudioSource, Container, SourceInfo, Timeline } from '../probe/source-info.ts';
import { toNumber } from '../rational.ts';

/** Demuxers whose seek lands on a keyframe. The others search by time stamp and may land between two. */
const seeksToKeyframe: ReadonlySet<Container> = new Set(['mov', 'matroska', 'avi', 'flv']);
/** Demuxers that cannot seek at all, because the data carries no time. */
const cannotSeek: ReadonlySet<Container> = new Set(['mpegvideo']);
/** H.264 and HEVC reorder at most 16 pictures; some more give filters that look back what they need. */
const reorderFrames = 20;
const minMarginSeconds = 0.5;

/**
 * Options before an input that make decoding start early enough for the picture at source time `targetSeconds`, and
 * no earlier than needed: the keyframe before it, and what an open GOP needs before that. Time stamps stay those of the
 * source (`-copyts`), which the filters cut by. Where demuxers do not find keyframes it begins `earlierSeconds` before that.
 */
export function videoSeekArgs(source: SourceInfo, targetSeconds: number, earlierSeconds = 0): string[] {
  const { video, container } = source;
  if (video === undefined || cannotSeek.has(container)) return keepTimeStamps;
  const margin =
    Math.max(minMarginSeconds, reorderFrames / toNumber(video.frameRate)) +
    (seeksToKeyframe.has(container) ? 0 : video.maxKeyframeIntervalSeconds + earlierSeconds);
  // Past its end a stream still has to give its last picture.
  return seekArgs(Math.min(targetSeconds, video.lastFrameSeconds) - margin, video.startSeconds);
}

/**
 * The same for audio, whose frames need little before them. Where time stamps are coarser than samples (Matroska counts
 * milliseconds) a seek would lose the exact position, heard as a click at the seam; so the sound is decoded from the
 * start, which costs a few seconds an hour, and only later than that the click is the lesser evil.
 */
export function audioSeekArgs(source: SourceInfo, stream: AudioSource, targetSeconds: number): string[] {
  if (cannotSeek.has(source.container)) return keepTimeStamps;
  const isCoarse = toNumber(stream.timeBase) * stream.sampleRate > 1.5;
  if (isCoarse && targetSeconds - stream.startSeconds < maxCoarseSeconds) return keepTimeStamps;
  return seekArgs(targetSeconds - 1, stream.startSeconds);
}

const maxCoarseSeconds = 3600;
const keepTimeStamps = ['-copyts'];

function seekArgs(seconds: number, startSeconds: number): string[] {
  if (seconds <= startSeconds) return keepTimeStamps;
  return [...keepTimeStamps, '-noaccurate_seek', '-seek_timestamp', '1', '-ss', seconds.toFixed(6)];
}

/**
 * Expression of the presentation time of a frame in ticks, for `setpts` and `asetpts`: the source's time stamp without
 * the timeline's start and without its gaps.
 */
export function presentationTicks(timeline: Timeline, ticksPerSecond: number): string {
  const ticks = (seconds: number) => Math.round(seconds * ticksPerSecond);
  const cuts = timeline.gaps.map((gap) => `-gte(PTS,${ticks(gap.endSeconds)})*${ticks(gap.seconds)}`);
  return `PTS-(${ticks(timeline.startSeconds)})${cuts.join('')}`;
}
