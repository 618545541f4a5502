import { Mp4Refusal } from './byte-reader.ts';
import type { SampleTable } from './sample-tables.ts';
import type { Edit, Mp4Track } from './track.ts';

/** When the samples of a track are presented, in ticks of its timescale, as ffmpeg's demuxer counts. */
export interface PresentedTimes {
  /** By sample in decode order; NaN for one that is not presented. */
  readonly times: Float64Array;
  /** How long the sample that is presented last lasts, where the file says it. */
  readonly lastDuration: number | undefined;
}

/** When the packets of a track are presented. */
export interface PresentedTrack {
  readonly timescale: number;
  readonly presented: PresentedTimes;
  /** 1 where decoding can start, by packet. */
  readonly sync: Uint8Array;
}

/**
 * Applies the edit list as `mov_fix_index` of ffmpeg's libavformat/mov.c does: some empty edits and one of the media. What lies
 * outside is not presented, and the first sample inside begins where the empty edits end.
 *
 * Throws Mp4Refusal for any other edit list.
 */
export function presentedTimes(track: Mp4Track, table: SampleTable, movieTimescale: number): PresentedTimes {
  const { edits, claimedTicks } = track;
  const isAudio = track.handler === 'soun';
  if (isAudio && table.compositionOffsets?.some((offset) => offset !== 0))
    throw new Mp4Refusal('sound is reordered');
  const { count, decodeTimes } = table;
  const length = Math.min(claimedTicks, (decodeTimes[count] as number) - (decodeTimes[0] as number));
  const isPlain = edits.length === 0;
  const edited = isPlain
    ? plainTimes(table)
    : editedTimes(table, window(edits, track, movieTimescale), isAudio);
  const end = isPlain ? length : Math.min(length, edited.editedTicks);
  return { times: edited.times, lastDuration: lastDurationOf(table, edited, end) };
}

interface EditedTimes {
  readonly times: Float64Array;
  /** Decode times after editing, of the samples that are left. */
  readonly decodeTimes: Float64Array;
  readonly kept: number;
  readonly editedTicks: number;
}

function plainTimes({ count, decodeTimes, compositionOffsets }: SampleTable): EditedTimes {
  const times = decodeTimes.slice(0, count);
  if (compositionOffsets) {
    for (let i = 0; i < count; i++) times[i] = (times[i] as number) + (compositionOffsets[i] as number);
  }
  return { times, decodeTimes, kept: count, editedTicks: 0 };
}

/** What of the media is presented, and after how long. */
interface EditWindow {
  readonly emptyTicks: number;
  readonly start: number;
  readonly end: number;
}

function window(edits: readonly Edit[], track: Mp4Track, movieTimescale: number): EditWindow {
  const toTicks = (duration: number) => rescale(duration, track.timescale, movieTimescale);
  const media = edits.at(-1);
  const empty = edits.slice(0, -1);
  if (media === undefined || media.mediaTime < 0 || empty.some(({ mediaTime }) => mediaTime !== -1))
    throw new Mp4Refusal('there are several edits');
  const duration = toTicks(media.duration);
  if (duration === 0) throw new Mp4Refusal('an edit is empty');
  const emptyTicks = empty.reduce((sum, edit) => sum + toTicks(edit.duration), 0);
  return { emptyTicks, start: media.mediaTime, end: media.mediaTime + duration };
}

function editedTimes(
  table: SampleTable,
  { emptyTicks, start, end }: EditWindow,
  isAudio: boolean,
): EditedTimes {
  const { count, decodeTimes, compositionOffsets, sync } = table;
  const times = new Float64Array(count).fill(Number.NaN);
  const newDecodeTimes = new Float64Array(count + 1);
  let clock = emptyTicks;
  let hasStarted = false;
  let earliest = Number.POSITIVE_INFINITY;
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const decodeTime = decodeTimes[i] as number;
    const duration = i + 1 < count ? (decodeTimes[i + 1] as number) - decodeTime : end - start;
    const offset = compositionOffsets === undefined ? 0 : (compositionOffsets[i] as number);
    const time = decodeTime + offset;
    const isInside = time >= start && time < end;
    // Sound that begins before the edit and ends in it is decoded, and its beginning is dropped.
    const isCut = isAudio && time < start && time + duration > start;
    if (isCut) clock -= start - time;
    hasStarted ||= isInside || isCut;
    newDecodeTimes[i] = clock;
    if (isInside || isCut) times[i] = clock + offset;
    if (isInside || isCut) earliest = Math.min(earliest, clock + offset);
    if (hasStarted) clock += duration;
    kept = i + 1;
    if (time + duration >= end && (isAudio || sync[i] === 1)) break;
  }
  // What begins late begins when the empty edits end.
  const late = Number.isFinite(earliest) ? Math.max(0, earliest - emptyTicks) : 0;
  if (late > 0) {
    for (let i = 0; i < kept; i++) {
      times[i] = (times[i] as number) - late;
      newDecodeTimes[i] = (newDecodeTimes[i] as number) - late;
    }
  }
  return { times, decodeTimes: newDecodeTimes, kept, editedTicks: emptyTicks + end - start };
}

/** Without composition offsets a sample lasts until the next, the last one until the end; with them ffmpeg goes by the frame rate. */
function lastDurationOf(table: SampleTable, edited: EditedTimes, endTicks: number): number | undefined {
  if (table.compositionOffsets !== undefined) return undefined;
  const { times, decodeTimes, kept } = edited;
  let last = -1;
  for (let i = 0; i < kept; i++) {
    if (!Number.isNaN(times[i]) && (last < 0 || (times[i] as number) >= (times[last] as number))) last = i;
  }
  if (last < 0) return undefined;
  const next = last + 1 < kept ? (decodeTimes[last + 1] as number) : endTicks;
  const duration = next - (decodeTimes[last] as number);
  return duration > 0 ? duration : undefined;
}

/** `value × to / from`, rounded to the nearest. */
function rescale(value: number, to: number, from: number): number {
  const product = value * to;
  if (Number.isSafeInteger(product)) return Math.floor(product / from + 0.5);
  const half = BigInt(from) / 2n;
  const result = (BigInt(value) * BigInt(to) + half) / BigInt(from);
  if (result > 2n ** 51n) throw new Mp4Refusal('an edit is too long');
  return Number(result);
}
