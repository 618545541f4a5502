import { box, fullBox, uint16, uint32 } from './box.ts';
import { unityMatrix } from './init-segment.ts';

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
  const { sampleRate, samplesPerFrame, channels, language = 'und', sampleEntry, config } = track;
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
  const entry = box(
    sampleEntry,
    uint32(0),
    uint16(0, 1),
    uint32(0, 0),
    uint16(channels, 16, 0, 0),
    uint32(sampleRate * 0x10000),
    config,
  );
  const stbl = box(
    'stbl',
    fullBox('stsd', 0, 0, uint32(1), entry),
    fullBox('stts', 0, 0, uint32(0)),
    fullBox('stsc', 0, 0, uint32(0)),
    fullBox('stsz', 0, 0, uint32(0, 0)),
    fullBox('stco', 0, 0, uint32(0)),
  );
  const minf = box('minf', fullBox('smhd', 0, 0, uint32(0)), dinf, stbl);
  const trak = box('trak', tkhd, box('mdia', mdhd, hdlr, minf));
  const mvex = box('mvex', fullBox('trex', 0, 0, uint32(1, 1, samplesPerFrame, 0, 0)));
  const ftyp = box('ftyp', Buffer.from('iso6'), uint32(512), Buffer.from('iso6cmfcmp41'));
  return Buffer.concat([ftyp, box('moov', mvhd, trak, mvex)]);
}

/** Three letters of five bits each; two-letter and longer tags become `und`. */
function packLanguage(tag: string): number {
  const letters = /^[a-z]{3}$/.test(tag) ? tag : 'und';
  return [...letters].reduce((packed, letter) => (packed << 5) | (letter.charCodeAt(0) - 0x60), 0);
}
