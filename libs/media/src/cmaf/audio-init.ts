import { box, fullBox, uint16, uint32 } from './box.ts';
import { trackInit } from './track-init.ts';

/** What the init segment of an audio track tells. */
export interface AudioInit {
  /** Also the timescale. */
  readonly sampleRate: number;
  readonly samplesPerFrame: number;
  readonly channels: number;
  /** ISO 639-2; `und` by default. */
  readonly language?: string;
  /** Type of the sample entry: `mp4a`, `Opus`. */
  readonly sampleEntry: string;
  /** Box of the codec's configuration. */
  readonly config: Buffer;
}

/** The init segment of an audio track: the same bytes wherever and whenever it is made. */
export function audioInit(track: AudioInit): Buffer {
  const { sampleRate, samplesPerFrame, channels, language, sampleEntry, config } = track;
  return trackInit({
    timescale: sampleRate,
    handler: 'soun',
    handlerName: 'SoundHandler',
    mediaHeader: fullBox('smhd', 0, 0, uint32(0)),
    sampleEntry: box(
      sampleEntry,
      uint32(0),
      uint16(0, 1),
      uint32(0, 0),
      uint16(channels, 16, 0, 0),
      uint32(sampleRate * 0x10000),
      config,
    ),
    sampleTicks: samplesPerFrame,
    ...(language === undefined ? {} : { language }),
  });
}
