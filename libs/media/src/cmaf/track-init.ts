import { box, fullBox, uint16, uint32 } from './box.ts';
import { unityMatrix } from './init-segment.ts';

/** What the init segments of all tracks tell. */
export interface TrackInit {
  /** Ticks per second. */
  readonly timescale: number;
  /** `soun` or `vide`. */
  readonly handler: string;
  /** `SoundHandler`, `VideoHandler`. */
  readonly handlerName: string;
  /** `smhd` or `vmhd`. */
  readonly mediaHeader: Buffer;
  readonly sampleEntry: Buffer;
  /** Duration of samples that state none, in ticks. */
  readonly sampleTicks: number;
  /** ISO 639-2; `und` by default. */
  readonly language?: string;
  /** Pixels; nothing for sound. */
  readonly width?: number;
  readonly height?: number;
  /** Ticks from the first composition time to the start of the presentation, by an edit list; none by default. */
  readonly mediaTime?: number;
}

/** The init segment of one track: the same bytes wherever and whenever it is made. */
export function trackInit(track: TrackInit): Buffer {
  const { timescale, handler, handlerName, mediaHeader, sampleEntry, sampleTicks, mediaTime } = track;
  const { language = 'und', width = 0, height = 0 } = track;
  const mvhd = fullBox(
    'mvhd',
    0,
    0,
    uint32(0, 0, timescale, 0, 0x10000),
    uint16(0x100, 0),
    uint32(0, 0),
    unityMatrix,
    Buffer.alloc(24),
    uint32(2),
  );
  // Flags: enabled, in movie. Sound has a volume.
  const tkhd = fullBox(
    'tkhd',
    0,
    3,
    uint32(0, 0, 1, 0, 0),
    uint32(0, 0),
    uint16(0, width === 0 ? 1 : 0, width === 0 ? 0x100 : 0, 0),
    unityMatrix,
    uint32(width * 0x10000, height * 0x10000),
  );
  const edts =
    mediaTime === undefined
      ? []
      : [box('edts', fullBox('elst', 0, 0, uint32(1, 0, mediaTime), uint16(1, 0)))];
  const mdhd = fullBox('mdhd', 0, 0, uint32(0, 0, timescale, 0), uint16(packLanguage(language), 0));
  const name = Buffer.from(`${handlerName}\0`);
  const hdlr = fullBox('hdlr', 0, 0, uint32(0), Buffer.from(handler), uint32(0, 0, 0), name);
  const dinf = box('dinf', fullBox('dref', 0, 0, uint32(1), fullBox('url ', 0, 1)));
  const stbl = box(
    'stbl',
    fullBox('stsd', 0, 0, uint32(1), sampleEntry),
    fullBox('stts', 0, 0, uint32(0)),
    fullBox('stsc', 0, 0, uint32(0)),
    fullBox('stsz', 0, 0, uint32(0, 0)),
    fullBox('stco', 0, 0, uint32(0)),
  );
  const minf = box('minf', mediaHeader, dinf, stbl);
  const trak = box('trak', tkhd, ...edts, box('mdia', mdhd, hdlr, minf));
  const mvex = box('mvex', fullBox('trex', 0, 0, uint32(1, 1, sampleTicks, 0, 0)));
  const ftyp = box('ftyp', Buffer.from('iso6'), uint32(512), Buffer.from('iso6cmfcmp41'));
  return Buffer.concat([ftyp, box('moov', mvhd, trak, mvex)]);
}

/** Three letters of five bits each; two-letter and longer tags become `und`. */
function packLanguage(tag: string): number {
  const letters = /^[a-z]{3}$/.test(tag) ? tag : 'und';
  return [...letters].reduce((packed, letter) => (packed << 5) | (letter.charCodeAt(0) - 0x60), 0);
}
