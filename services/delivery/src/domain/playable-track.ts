import { type Track as GenerationTrack, TrackKind } from '@kerkis/contracts/media';
import type { Track } from '@kerkis/hls';

/** A track that may be asked for. */
export interface PlayableTrack {
  readonly track: Track;
  /** Segments are numbered from 1 to this. */
  readonly segmentCount: number;
  readonly contentType: string;
}

const kinds = {
  [TrackKind.UNSPECIFIED]: undefined,
  [TrackKind.VIDEO]: 'video',
  [TrackKind.AUDIO]: 'audio',
  [TrackKind.TEXT]: 'text',
} as const satisfies Record<TrackKind, Track['kind'] | undefined>;

const contentTypes = {
  video: 'video/mp4',
  audio: 'audio/mp4',
  text: 'text/vtt; charset=utf-8',
} as const satisfies Record<Track['kind'], string>;

const videoRanges = ['SDR', 'PQ', 'HLG'] as const;

/** A track in the edge's terms. Each is cut as it says, on the grid or elsewhere. Undefined for a kind that this version does not know. */
export function playableTrack(told: GenerationTrack, durationMs: number): PlayableTrack | undefined {
  const kind = kinds[told.kind];
  if (!kind || (kind === 'text' && !told.text)) return undefined;
  const track = presentationTrack(told, kind, durationMs);
  const segmentCount = track.segments.reduce((sum, { count }) => sum + count, 0);
  return { track, segmentCount, contentType: contentTypes[kind] };
}

function presentationTrack(told: GenerationTrack, kind: Track['kind'], durationMs: number): Track {
  const { name, codec, video, audio, text } = told;
  // Text is one file as long as everything.
  const cuts =
    kind === 'text'
      ? { timescale: 1000, segments: [{ count: 1, duration: Math.max(1, durationMs) }] }
      : {
          timescale: told.timescale,
          segments: told.segments.map(({ count, duration }) => ({ count, duration: Number(duration) })),
        };
  return {
    name,
    kind,
    codec: kind === 'text' ? 'wvtt' : codec,
    ...cuts,
    peakBandwidthBps: Number(told.peakBandwidthBps),
    averageBandwidthBps: Number(told.averageBandwidthBps),
    ...(video && {
      video: {
        width: video.width,
        height: video.height,
        frameRate: { num: video.frameRate?.num ?? 0, den: video.frameRate?.den ?? 0 },
        videoRange: videoRanges.find((range) => range === video.videoRange),
      },
    }),
    ...(audio && {
      audio: {
        sampleRate: audio.sampleRate,
        channels: audio.channels,
        language: audio.language,
        label: audio.label,
        isDefault: audio.isDefault,
        ...(audio.group !== '' && { group: audio.group }),
      },
    }),
    ...(text && {
      text: {
        language: text.language,
        label: text.label,
        isDefault: text.isDefault,
        isForced: text.isForced,
      },
    }),
  };
}
