import { KerkisError } from '@kerkis/errors';
import type { Container } from './source-info.ts';

/** How many bytes of the start of a file `sniffContainer` wants to see. */
export const sniffBytes = 64 * 1024;

/**
 * Which demuxer reads a file that starts with `head`. A file name says nothing, and ffmpeg's own guess is not asked: text
 * that names other files (playlists, SDP, concat lists) is never media.
 *
 * Throws KerkisError `unsupported` SOURCE_NOT_MEDIA when the bytes are no container that Kerkis reads, and `invalid`
 * SOURCE_EMPTY when there are none.
 */
export function sniffContainer(head: Uint8Array): Container {
  if (head.length === 0)
    throw new KerkisError('invalid', 'SOURCE_EMPTY', 'The file is empty. Upload it again.');
  const found = byMagic(head) ?? byPacketSync(head) ?? byAudioSync(head);
  if (found !== undefined) return found;
  throw new KerkisError('unsupported', 'SOURCE_NOT_MEDIA', `${describe(head)} Upload a video or audio file.`);
}

const mp4Boxes = ['ftyp', 'moov', 'mdat', 'free', 'skip', 'wide', 'pnot', 'styp', 'moof', 'sidx', 'uuid'];

function byMagic(head: Uint8Array): Container | undefined {
  if (mp4Boxes.includes(ascii(head, 4, 4))) return 'mov';
  if (startsWith(head, 0x1a, 0x45, 0xdf, 0xa3)) return 'matroska';
  const four = ascii(head, 0, 4);
  if (four === 'RIFF' || four === 'RF64') return riff(ascii(head, 8, 4));
  if (four === 'FORM') return ['AIFF', 'AIFC'].includes(ascii(head, 8, 4)) ? 'aiff' : undefined;
  if (ascii(head, 0, 3) === 'FLV') return 'flv';
  if (ascii(head, 0, 5) === '#!AMR') return 'amr';
  if (startsWith(head, 0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11)) return 'asf';
  if (startsWith(head, 0x06, 0x0e, 0x2b, 0x34, 0x02, 0x05, 0x01, 0x01)) return 'mxf';
  if (startsWith(head, 0x00, 0x00, 0x01, 0xba)) return 'mpeg';
  if (startsWith(head, 0x00, 0x00, 0x01, 0xb3)) return 'mpegvideo';
  if (startsWith(head, 0x1f, 0x07, 0x00)) return 'dv';
  if (startsWith(head, 0x7f, 0xfe, 0x80, 0x01)) return 'dts';
  if (startsWith(head, 0x0b, 0x77)) return (head[5] ?? 0) >> 3 > 10 ? 'eac3' : 'ac3';
  if (startsWith(head, 0x72, 0x69, 0x66, 0x66, 0x2e, 0x91, 0xcf, 0x11)) return 'w64';
  return magicWords[four];
}

const magicWords: Readonly<Record<string, Container>> = {
  OggS: 'ogg',
  fLaC: 'flac',
  caff: 'caf',
  '.snd': 'au',
  DKIF: 'ivf',
  wvpk: 'wv',
  'MAC ': 'ape',
  TTA1: 'tta',
};

function riff(form: string): Container | undefined {
  if (form === 'WAVE') return 'wav';
  return form === 'AVI ' || form === 'AVIX' ? 'avi' : undefined;
}

/** MPEG-TS: a sync byte each 188 bytes, or 192 (with a time code before each packet) or 204 (with parity). */
function byPacketSync(head: Uint8Array): Container | undefined {
  for (const size of [188, 192, 204]) {
    for (let start = 0; start < size; start++) {
      const packets = Math.min(8, Math.floor((head.length - start) / size));
      if (packets < 3) break;
      let matching = 0;
      while (matching < packets && head[start + matching * size] === 0x47) matching++;
      if (matching === packets) return 'mpegts';
    }
  }
  return undefined;
}

/** Frames of MP3 or ADTS AAC, after ID3 tags and up to a few kilobytes of something else. */
function byAudioSync(head: Uint8Array): Container | undefined {
  const start = afterId3(head);
  if (start >= head.length - 4) return start > 0 ? 'mp3' : undefined;
  if (ascii(head, start, 4) === 'fLaC') return 'flac';
  for (let at = start; at < Math.min(head.length - 8, start + 8192); at++) {
    if (head[at] !== 0xff) continue;
    if (framesInARow(head, at, adtsFrameLength)) return 'aac';
    if (framesInARow(head, at, mpegAudioFrameLength)) return 'mp3';
  }
  return undefined;
}

/** Whether three frames (or all up to the end, at least one) follow each other. */
function framesInARow(
  head: Uint8Array,
  start: number,
  lengthAt: (head: Uint8Array, at: number) => number,
): boolean {
  let at = start;
  for (let frames = 0; frames < 3; frames++) {
    if (frames > 0 && at >= head.length - 8) return true;
    const length = lengthAt(head, at);
    if (length <= 0) return false;
    at += length;
  }
  return true;
}

/** Bytes of the ADTS frame whose header is there; 0 when there is none. */
export function adtsFrameLength(head: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = head.subarray(at, at + 6);
  if (a !== 0xff || (b & 0xf6) !== 0xf0 || (c & 0x3c) >> 2 > 12) return 0;
  const length = ((d & 3) << 11) | (e << 3) | (f >> 5);
  return length > 7 ? length : 0;
}

const layer3Kbps = [
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
] as const;
const layer2Kbps = [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384] as const;
const mpeg1Rates = [44_100, 48_000, 32_000] as const;

/** Bytes of the frame of MPEG audio, layer 2 or 3, whose header is there; 0 when there is none. */
export function mpegAudioFrameLength(head: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0] = head.subarray(at, at + 3);
  const version = (b >> 3) & 3;
  const layer = (b >> 1) & 3;
  if (a !== 0xff || (b & 0xe0) !== 0xe0 || version === 1 || (layer !== 1 && layer !== 2)) return 0;
  const isMpeg1 = version === 3;
  const kbps = (layer === 2 && isMpeg1 ? layer2Kbps : layer3Kbps[isMpeg1 ? 0 : 1])[c >> 4] ?? 0;
  const rate = (mpeg1Rates[(c >> 2) & 3] ?? 0) / (isMpeg1 ? 1 : version === 2 ? 2 : 4);
  if (kbps === 0 || rate === 0) return 0;
  const samples = layer === 1 && !isMpeg1 ? 576 : 1152;
  return Math.floor((samples * kbps * 125) / rate) + ((c >> 1) & 1);
}

/** Where what follows the ID3 tags at the start begins. */
export function afterId3(head: Uint8Array): number {
  let at = 0;
  while (ascii(head, at, 3) === 'ID3') {
    const [a = 0, b = 0, c = 0, d = 0] = head.subarray(at + 6, at + 10);
    at += 10 + ((a & 127) << 21) + ((b & 127) << 14) + ((c & 127) << 7) + (d & 127);
  }
  return at;
}

function describe(head: Uint8Array): string {
  const text = Buffer.from(head.subarray(0, 512)).toString('utf8').trimStart();
  // A character cut in half at the end becomes one replacement character.
  if (/\ufffd(?!$)|(?!\s)\p{Cc}/u.test(text)) return 'The file is in no format that Kerkis reads.';
  if (text.startsWith('#EXTM3U')) return 'The file is a playlist, which only names media.';
  if (text.startsWith('ffconcat') || text.startsWith('v=0')) return 'The file only describes where media is.';
  return 'The file is text.';
}

function ascii(bytes: Uint8Array, start: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(start, start + length));
}

function startsWith(bytes: Uint8Array, ...expected: number[]): boolean {
  return expected.every((byte, index) => bytes[index] === byte);
}
