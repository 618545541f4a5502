import type { AudioSource } from '../probe/source-info.ts';
import type { AudioCodec, AudioRendition } from './profile.ts';

/** One encoded audio track. */
export interface AudioRung {
  /** Unique in the ladder, safe in a path: `aac-eng-128k`. */
  readonly name: string;
  readonly codec: AudioCodec;
  /** RFC 6381: `mp4a.40.2`, `opus`. */
  readonly codecs: string;
  /** The source stream that it is made from. */
  readonly sourceIndex: number;
  readonly channels: number;
  readonly bitrateBps: number;
  readonly peakBitrateBps: number;
  readonly averageBitrateBps: number;
  readonly language?: string;
  readonly title?: string;
  readonly isDefault: boolean;
  /** The same for the rungs of one rendition of the profile: all languages in one quality, `aac-1`. */
  readonly group: string;
  /** Makes the sound louder, or softer when negative; 0 dB by default. */
  readonly gainDb?: number;
}

/** The tracks that are made of one audio stream. */
export function audioRungs(stream: AudioSource, renditions: readonly AudioRendition[]): AudioRung[] {
  return renditions.flatMap((wanted, index) =>
    isEnoughWithout(stream, wanted, renditions)
      ? []
      : audioRung(stream, wanted, `${wanted.codec}-${index + 1}`),
  );
}

/** AAC's channel configuration 7 is no layout that films have; Opus has 7.1. */
const mostChannels: Readonly<Record<AudioCodec, number>> = { aac: 6, opus: 8 };

/** Whether a rendition wants more channels than there are, and the profile has its codec with fewer. */
function isEnoughWithout(
  stream: AudioSource,
  wanted: AudioRendition,
  all: readonly AudioRendition[],
): boolean {
  return (
    wanted.channels > stream.channels &&
    all.some(({ codec, channels }) => codec === wanted.codec && channels < wanted.channels)
  );
}

function audioRung(stream: AudioSource, wanted: AudioRendition, group: string): AudioRung {
  const most = Math.min(wanted.channels, mostChannels[wanted.codec]);
  const channels = Math.max(1, Math.min(most, stream.channels));
  const bitrateBps = Math.round((wanted.bitrateBps * channels) / most);
  const language = stream.language ?? 'und';
  return {
    name: wanted.name ?? `${wanted.codec}-${language}-${Math.round(bitrateBps / 1000)}k`,
    codec: wanted.codec,
    codecs: wanted.codec === 'opus' ? 'opus' : 'mp4a.40.2',
    sourceIndex: stream.index,
    channels,
    bitrateBps,
    // ffmpeg's AAC encoder keeps its rate over a few frames only, and so does Opus with constrained VBR; the fragment adds about 4
    // bytes a frame.
    peakBitrateBps: Math.ceil(bitrateBps * 1.25 + 4_000),
    averageBitrateBps: Math.ceil(bitrateBps + 2_500),
    ...(stream.language === undefined ? {} : { language: stream.language }),
    ...(stream.title === undefined ? {} : { title: stream.title }),
    isDefault: stream.isDefault,
    group,
  };
}
