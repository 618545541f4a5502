import { KerkisError } from '@kerkis/errors';
import { parseRational, type Rational, toNumber } from '../rational.ts';
import { textSubtitleCodecs } from './codecs.ts';
import { hdrMetadata } from './hdr-metadata.ts';
import { trackIdOf } from './index-clock.ts';
import type { SourceLimits } from './limits.ts';
import type {
  AudioSource,
  Chapter,
  Container,
  CopyableVideo,
  FieldOrder,
  SourceInfo,
  StreamTiming,
  SubtitleSource,
  Timeline,
  VideoSource,
} from './source-info.ts';
import { toPresentationSeconds } from './source-info.ts';
import type { ClockReading, StreamClock } from './stream-clock.ts';
import * as describe from './stream-description.ts';
import type { PickedStream, PickedStreams } from './streams.ts';
import { planTimeline } from './timeline.ts';

/** Everything that was found out about a file. */
export interface Findings {
  readonly container: Container;
  readonly sizeBytes: number;
  readonly warnings: readonly string[];
  readonly picked: PickedStreams;
  readonly chapters: readonly describe.RawChapter[];
  readonly clocks: ReadonlyMap<number, StreamClock>;
  /** Of the track of this number, if it is the chosen video. */
  readonly copyable?: CopyableVideo | undefined;
  /** Of pictures that are interlaced although the file does not say so. */
  readonly fieldOrder?: FieldOrder | undefined;
  readonly limits: SourceLimits;
}

/** More cuts than this are no recording. */
const maxGaps = 100;
const maxChapters = 1000;

/** Puts the findings together. Throws KerkisError SOURCE_CORRUPT, SOURCE_NO_PLAYABLE_STREAMS or SOURCE_TOO_LONG. */
export function assembleSource(findings: Findings): SourceInfo {
  const { picked, limits } = findings;
  const video = reading(findings, picked.video);
  const audios = picked.audios.flatMap((stream) => reading(findings, stream) ?? []);
  const readings = [...(video === undefined ? [] : [video]), ...audios];
  if (readings.length === 0 || (picked.video !== undefined && video === undefined)) {
    throw new KerkisError('invalid', 'SOURCE_CORRUPT', 'The file has no frame with a time stamp.');
  }
  const { timeline, endSeconds } = planTimeline(
    readings.flatMap(({ clock }) => clock.spans),
    limits.maxGapSeconds,
  );
  if (timeline.gaps.length > maxGaps) {
    throw new KerkisError('invalid', 'SOURCE_CORRUPT', 'The time stamps of the file jump about.');
  }
  const durationSeconds = toPresentationSeconds(timeline, endSeconds);
  if (durationSeconds * 1000 > limits.maxDurationMs) {
    throw new KerkisError('unsupported', 'SOURCE_TOO_LONG', 'The file is longer than allowed.', {
      details: {
        durationMs: `${Math.round(durationSeconds * 1000)}`,
        maxDurationMs: `${limits.maxDurationMs}`,
      },
    });
  }
  const warnings = [...findings.warnings, ...picked.warnings];
  if (timeline.gaps.length > 0) warnings.push('Long stretches without any picture or sound are left out.');
  return {
    container: findings.container,
    sizeBytes: findings.sizeBytes,
    durationSeconds,
    durationMs: Math.max(1, Math.round(durationSeconds * 1000)),
    timeline,
    ...(video === undefined ? {} : { video: videoSource(video, findings) }),
    audios: audios.map(audioSource),
    subtitles: picked.subtitles.map(subtitleSource),
    ...pictureOf(picked),
    chapters: findings.chapters
      .slice(0, maxChapters)
      .flatMap((raw) => chapterOf(raw, timeline, durationSeconds)),
    warnings,
  };
}

interface StreamReading {
  readonly stream: PickedStream;
  readonly clock: ClockReading;
}

function reading({ clocks, limits }: Findings, stream: PickedStream | undefined): StreamReading | undefined {
  if (stream === undefined) return undefined;
  const isVideo = stream.raw.codec_type === 'video';
  const clock = clocks
    .get(stream.index)
    ?.read(limits.maxGapSeconds, isVideo ? statedRate(stream) : undefined);
  return clock === undefined ? undefined : { stream, clock };
}

/** The rate that the file states, if it is believable. */
function statedRate({ raw }: PickedStream): Rational {
  const candidates = [parseRational(raw.avg_frame_rate), parseRational(raw.r_frame_rate)];
  const sane = candidates.find((rate) => rate !== undefined && toNumber(rate) >= 1 && toNumber(rate) <= 120);
  return sane ?? { num: 25, den: 1 };
}

function timing({ stream, clock }: StreamReading): StreamTiming {
  return {
    timeBase: stream.timeBase,
    startSeconds: clock.startSeconds,
    endSeconds: clock.endSeconds,
    packetCount: clock.packetCount,
  };
}

function videoSource(found: StreamReading, { copyable, fieldOrder }: Findings): VideoSource {
  const { raw, index } = found.stream;
  const { clock } = found;
  const width = raw.width ?? 0;
  const height = raw.height ?? 0;
  const sampleAspectRatio = describe.sampleAspectRatio(raw);
  const { rotation, isMirrored } = describe.orientation(raw);
  const shown = { width: width * toNumber(sampleAspectRatio), height };
  const isTurned = rotation === 90 || rotation === 270;
  const hdr = describe.hdrTransfer(raw);
  const profile = describe.known(raw.profile);
  const metadata = hdr && hdrMetadata(raw.side_data_list);
  return {
    ...timing(found),
    index,
    codec: raw.codec_name ?? '',
    ...(profile === undefined ? {} : { profile }),
    width,
    height,
    sampleAspectRatio,
    rotation,
    isMirrored,
    displayWidth: isTurned ? shown.height : shown.width,
    displayHeight: isTurned ? shown.width : shown.height,
    frameRate: clock.rate?.frameRate ?? { num: 25, den: 1 },
    isVariableFrameRate: clock.rate?.isVariable ?? false,
    pixelFormat: raw.pix_fmt ?? '',
    bitDepth: describe.bitDepth(raw),
    colour: describe.colour(raw),
    ...(hdr === undefined ? {} : { hdr }),
    ...(metadata === undefined ? {} : { hdrMetadata: metadata }),
    isInterlaced: describe.isInterlaced(raw) || fieldOrder !== undefined,
    ...(fieldOrder !== undefined && { fieldOrder }),
    lastFrameSeconds: clock.lastFrameSeconds,
    maxKeyframeIntervalSeconds: clock.maxKeyframeIntervalSeconds,
    ...(copyable !== undefined && copyable.trackId === trackIdOf(raw.id) && { copyable }),
  };
}

function audioSource(found: StreamReading): AudioSource {
  const { raw, index } = found.stream;
  const optional = {
    profile: describe.known(raw.profile),
    channelLayout: describe.known(raw.channel_layout),
    language: describe.language(raw),
    title: describe.title(raw.tags?.title),
  };
  return {
    ...timing(found),
    index,
    codec: raw.codec_name ?? '',
    sampleRate: Number(raw.sample_rate),
    channels: raw.channels ?? 0,
    ...present(optional),
    isDefault: raw.disposition?.default === 1,
  };
}

function subtitleSource(raw: describe.RawStream): SubtitleSource {
  return {
    index: raw.index,
    codec: raw.codec_name ?? '',
    ...present({ language: describe.language(raw), title: describe.title(raw.tags?.title) }),
    isDefault: raw.disposition?.default === 1,
    isForced: raw.disposition?.forced === 1,
    isText: textSubtitleCodecs.has(raw.codec_name ?? ''),
  };
}

function pictureOf({ picture }: PickedStreams): Pick<SourceInfo, 'attachedPicture'> {
  if (picture === undefined) return {};
  const { index, codec_name: codec = '', width = 0, height = 0 } = picture;
  return { attachedPicture: { index, codec, width, height } };
}

function chapterOf(raw: describe.RawChapter, timeline: Timeline, durationSeconds: number): Chapter[] {
  const start = Number(raw.start_time);
  const end = Number(raw.end_time);
  if (!Number.isFinite(start) || !Number.isFinite(end)) return [];
  const toMs = (seconds: number) =>
    Math.round(1000 * Math.min(durationSeconds, Math.max(0, toPresentationSeconds(timeline, seconds))));
  const chapter = { startMs: toMs(start), endMs: toMs(end) };
  return chapter.endMs > chapter.startMs
    ? [{ ...chapter, ...present({ title: describe.title(raw.tags?.title) }) }]
    : [];
}

/** The entries that have a value. */
function present<T extends Record<string, string | undefined>>(entries: T): { [K in keyof T]?: string } {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: string;
  };
}
