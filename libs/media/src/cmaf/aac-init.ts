import { KerkisError } from '@kerkis/errors';
import { box, fullBox, uint16, uint32 } from './box.ts';
import { unityMatrix } from './init-segment.ts';

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
  const mvhd = fullBox(
    'mvhd',
    0,
    0,
    uint32(0, 0, sampleRate, 0, 0x10000),
    uint16(0x100, 0),
    uint32(0, 0),
    unityMatrix,
    Buffer.alloc(24),
    uint32(2),
  );
  // Flags: enabled, in movie.
  const tkhd = fullBox(
    'tkhd',
    0,
    3,
    uint32(0, 0, 1, 0, 0),
    uint32(0, 0),
    uint16(0, 1, 0x100, 0),
    unityMatrix,
    uint32(0, 0),
  );
  const mdhd = fullBox('mdhd', 0, 0, uint32(0, 0, sampleRate, 0), uint16(packLanguage(language), 0));
  const hdlr = fullBox(
    'hdlr',
    0,
    0,
    uint32(0),
    Buffer.from('soun'),
    uint32(0, 0, 0),
    Buffer.from('SoundHandler\0'),
  );
  const dinf = box('dinf', fullBox('dref', 0, 0, uint32(1), fullBox('url ', 0, 1)));
  const esds = elementaryStream(sampleRate, channels, bitrateBps);
  const mp4a = box(
    'mp4a',
    uint32(0),
    uint16(0, 1),
    uint32(0, 0),
    uint16(channels, 16, 0, 0),
    uint32(sampleRate * 0x10000),
    esds,
  );
  const stbl = box(
    'stbl',
    fullBox('stsd', 0, 0, uint32(1), mp4a),
    fullBox('stts', 0, 0, uint32(0)),
    fullBox('stsc', 0, 0, uint32(0)),
    fullBox('stsz', 0, 0, uint32(0, 0)),
    fullBox('stco', 0, 0, uint32(0)),
  );
  const minf = box('minf', fullBox('smhd', 0, 0, uint32(0)), dinf, stbl);
  const trak = box('trak', tkhd, box('mdia', mdhd, hdlr, minf));
  const mvex = box('mvex', fullBox('trex', 0, 0, uint32(1, 1, 1024, 0, 0)));
  const ftyp = box('ftyp', Buffer.from('iso6'), uint32(512), Buffer.from('iso6cmfcmp41'));
  return Buffer.concat([ftyp, box('moov', mvhd, trak, mvex)]);
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

/** Three letters of five bits each; two-letter and longer tags become `und`. */
function packLanguage(tag: string): number {
  const letters = /^[a-z]{3}$/.test(tag) ? tag : 'und';
  return [...letters].reduce((packed, letter) => (packed << 5) | (letter.charCodeAt(0) - 0x60), 0);
}
