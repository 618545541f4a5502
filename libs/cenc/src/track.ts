import { type AvcParameters, avcClearBytes, readAvcParameters } from './avc-slice.ts';
import { type Box, boxAt, boxesIn, findBox, malformed, notSupported, viewOf } from './boxes.ts';
import { type HevcParameters, readHevcParameters } from './hevc-parameters.ts';
import { hevcClearBytes } from './hevc-slice.ts';

/** What samples of a track are encrypted by. Read once from its clear init segment. */
export interface ProtectedTrack {
  readonly kind: 'video' | 'audio';
  /** `tfhd` may leave the size of the samples to this. */
  readonly defaultSampleBytes: number;
  /** Of pictures in NAL units, which begin with their length. */
  readonly units?: {
    readonly lengthBytes: number;
    /** How many bytes of the unit between two places have to stay as they are. */
    readonly clearBytes: (bytes: Buffer, start: number, end: number) => number;
  };
}

const samplesPath = ['mdia', 'minf', 'stbl', 'stsd'] as const;
const videoFields = 78;
const audioFields = 28;

/**
 * Reads a clear CMAF init segment of one track. Throws `data_loss` MEDIA_MALFORMED, and `unsupported` ENCRYPTION_NOT_SUPPORTED for pictures
 * that are not in NAL units of H.264 or HEVC: of AV1 and VP9 the headers that players must read are no bytes of their own.
 */
export function readTrack(init: Uint8Array): ProtectedTrack {
  const bytes = viewOf(init);
  const moov = boxAt(bytes, ['moov']);
  const trak = boxAt(bytes, ['trak'], moov);
  const defaultSampleBytes = readDefaultSize(bytes, moov);
  const { entry, kind } = sampleEntry(bytes, trak);
  if (kind === 'audio') return { kind, defaultSampleBytes };
  const config = (type: string) =>
    contentOf(
      bytes,
      entryChildren(bytes, entry, kind).find((box) => box.type === type),
    );
  if (/^(?:avc[13]|dva[v1])$/.test(entry.type)) {
    const avcc = config('avcC');
    return { kind, defaultSampleBytes, units: unitsOf(avcc, 4, readAvcParameters(avcc), avcClearBytes) };
  }
  if (/^(?:hvc1|hev1|dvh[1e])$/.test(entry.type)) {
    const hvcc = config('hvcC');
    return { kind, defaultSampleBytes, units: unitsOf(hvcc, 21, readHevcParameters(hvcc), hevcClearBytes) };
  }
  throw notSupported(`Pictures in ${entry.type} cannot be encrypted by pattern.`);
}

function unitsOf<P extends AvcParameters | HevcParameters>(
  config: Buffer,
  lengthAt: number,
  parameters: P,
  clearBytes: (bytes: Buffer, start: number, end: number, parameters: P) => number,
): NonNullable<ProtectedTrack['units']> {
  return {
    lengthBytes: ((config[lengthAt] ?? 0) & 3) + 1,
    clearBytes: (bytes, start, end) => clearBytes(bytes, start, end, parameters),
  };
}

/** The one sample entry of a track. */
export function sampleEntry(bytes: Buffer, trak: Box): { entry: Box; stsd: Box; kind: 'video' | 'audio' } {
  const handler = boxAt(bytes, ['mdia', 'hdlr'], trak);
  const type = bytes.toString('latin1', handler.content + 8, Math.min(handler.content + 12, handler.end));
  const kind = { vide: 'video', soun: 'audio' }[type];
  if (kind !== 'video' && kind !== 'audio') throw notSupported('Only pictures and sound are encrypted.');
  const stsd = boxAt(bytes, samplesPath, trak);
  const [entry, ...others] = boxesIn(bytes, stsd.content + 8, stsd.end);
  if (!entry || others.length > 0)
    throw notSupported('A track with several kinds of samples is not encrypted.');
  if (entry.type.startsWith('enc')) throw notSupported('The track is encrypted already.');
  return { entry, stsd, kind };
}

/** The boxes inside of a sample entry. */
function entryChildren(bytes: Buffer, entry: Box, kind: 'video' | 'audio'): Box[] {
  return boxesIn(bytes, entry.content + (kind === 'video' ? videoFields : audioFields), entry.end);
}

function contentOf(bytes: Buffer, box: Box | undefined): Buffer {
  if (!box) throw malformed('The sample entry has no configuration of its decoder.');
  return bytes.subarray(box.content, box.end);
}

function readDefaultSize(bytes: Buffer, moov: Box): number {
  const mvex = findBox(bytes, 'mvex', moov);
  const trex = mvex && findBox(bytes, 'trex', mvex);
  return trex && trex.end - trex.content >= 20 ? bytes.readUInt32BE(trex.content + 16) : 0;
}
