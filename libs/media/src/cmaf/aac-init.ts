import { KerkisError } from '@kerkis/errors';
import { audioInit } from './audio-init.ts';
import { fullBox, uint16, uint32 } from './box.ts';

/** An AAC-LC track. */
export interface AacTrack {
  readonly sampleRate: number;
  /** 1–6. */
  readonly channels: number;
  readonly bitrateBps: number;
  /** ISO 639-2; `und` by default. */
  readonly language?: string;
}

/** The init segment of an AAC-LC track: the same bytes wherever and whenever it is made. */
export function aacInit({ sampleRate, channels, bitrateBps, language = 'und' }: AacTrack): Buffer {
  const config = elementaryStream(sampleRate, channels, bitrateBps);
  return audioInit({ sampleRate, samplesPerFrame: 1024, channels, language, sampleEntry: 'mp4a', config });
}

/** Sampling frequency indices of ISO/IEC 14496-3, table 1.18. */
const samplingRates = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
];

/** AudioSpecificConfig of AAC-LC: object type 2, rate index, channel configuration. */
function aacConfig(sampleRate: number, channels: number): Buffer {
  const index = samplingRates.indexOf(sampleRate);
  if (index < 0) throw new KerkisError('invalid', 'SAMPLE_RATE_UNSUPPORTED', 'AAC has no such sample rate.');
  return uint16((2 << 11) | (index << 7) | (channels << 3));
}

function elementaryStream(sampleRate: number, channels: number, bitrateBps: number): Buffer {
  const config = descriptor(5, aacConfig(sampleRate, channels));
  // Object type 0x40: audio; stream type 5 (audio) with the reserved bit set; buffer size unknown.
  const decoder = descriptor(4, Buffer.from([0x40, 0x15, 0, 0, 0]), uint32(bitrateBps, bitrateBps), config);
  return fullBox(
    'esds',
    0,
    0,
    descriptor(3, Buffer.from([0, 1, 0]), decoder, descriptor(6, Buffer.from([2]))),
  );
}

function descriptor(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag, 0x80, 0x80, 0x80, content.length]), content]);
}
