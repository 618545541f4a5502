import { KerkisError } from '@kerkis/errors';
import { boxesIn, childAt } from './box.ts';
import { visualFieldBytes } from './init-segment.ts';

/**
 * RFC 6381 name of the video that an init segment describes, from the configuration that the encoder wrote: `avc1.64001f`,
 * `hvc1.1.6.L93.90`, `vp09.00.31.08`, `av01.0.05M.08`.
 *
 * Throws KerkisError `internal` BOX_MISSING or BOX_INVALID when it describes none.
 */
export function videoCodecsOf(moov: Buffer): string {
  const { reader, config, colours } = videoConfig(moov);
  return reader.name(config, colours);
}

/**
 * VP9 pictures do not tell their level. ffmpeg fills it in from size and rate alone; the plan knows the bitrate too. Returns the
 * `moov` with the level of `codecs`, unless that is too low for what ffmpeg says; other codecs as they are.
 */
export function withPlannedLevel(moov: Buffer, codecs: string): Buffer {
  const { reader, config } = videoConfig(moov);
  const planned = Number(/^vp09\.00\.(\d\d)/.exec(codecs)?.[1] ?? 0);
  if (reader.config !== 'vpcC' || planned < config.readUInt8(5)) return moov;
  const changed = Buffer.from(moov);
  changed.writeUInt8(planned, config.byteOffset - moov.byteOffset + 5);
  return changed;
}

function videoConfig(moov: Buffer): {
  reader: ConfigReader;
  config: Buffer;
  colours: Buffer | undefined;
} {
  const stsd = childAt(moov.subarray(8), 'trak', 'mdia', 'minf', 'stbl', 'stsd').content;
  const entry = boxesIn(stsd.subarray(8))[0];
  const reader = entry && readers[entry.type];
  if (entry === undefined || reader === undefined || entry.content.length < visualFieldBytes) {
    throw new KerkisError('internal', 'BOX_MISSING', 'The encoder wrote no known video sample entry.');
  }
  const config = childAt(entry.content.subarray(visualFieldBytes), reader.config).content;
  if (config.length < reader.minBytes) {
    throw new KerkisError('internal', 'BOX_INVALID', `The encoder wrote a short ${reader.config} box.`);
  }
  const boxes = boxesIn(entry.content.subarray(visualFieldBytes));
  return { reader, config, colours: boxes.find(({ type }) => type === 'colr')?.content };
}

interface ConfigReader {
  readonly config: string;
  readonly minBytes: number;
  /** `colours` is the content of the `colr` box. */
  name(config: Buffer, colours: Buffer | undefined): string;
}

const readers: Readonly<Record<string, ConfigReader>> = {
  avc1: { config: 'avcC', minBytes: 4, name: (config) => `avc1.${config.toString('hex', 1, 4)}` },
  hvc1: { config: 'hvcC', minBytes: 13, name: hevcName },
  vp09: { config: 'vpcC', minBytes: 11, name: vp9Name },
  av01: { config: 'av1C', minBytes: 4, name: av1Name },
};

const twoDigits = (value: number): string => `${value}`.padStart(2, '0');

/** HEVCDecoderConfigurationRecord, ISO/IEC 14496-15, 8.3.3 and annex E. */
function hevcName(config: Buffer): string {
  const first = config.readUInt8(1);
  const space = ['', 'A', 'B', 'C'][first >> 6];
  const tier = first & 0x20 ? 'H' : 'L';
  let reversed = 0;
  for (let bit = 0; bit < 32; bit++) reversed |= ((config.readUInt32BE(2) >>> bit) & 1) << (31 - bit);
  const compatibility = (reversed >>> 0).toString(16).toUpperCase();
  const constraints = [...config.subarray(6, 12)];
  while (constraints.at(-1) === 0) constraints.pop();
  const bytes = constraints.map((byte) => `.${byte.toString(16).toUpperCase()}`).join('');
  return `hvc1.${space}${first & 0x1f}.${compatibility}.${tier}${config.readUInt8(12)}${bytes}`;
}

/** VPCodecConfigurationRecord after version and flags. 4:2:0 and limited range BT.709 are what names leave out. */
function vp9Name(config: Buffer): string {
  const [profile = 0, level = 0, depths = 0, ...colours] = config.subarray(4, 10);
  const name = `vp09.${twoDigits(profile)}.${twoDigits(level)}.${twoDigits(depths >> 4)}`;
  const chroma = (depths >> 1) & 7;
  const isDefault = chroma <= 1 && !(depths & 1) && colours.every((colour) => colour === 1);
  return isDefault ? name : `${name}.${[chroma, ...colours, depths & 1].map(twoDigits).join('.')}`;
}

/**
 * AV1CodecConfigurationRecord: profile, level and tier as they are in the sequence header. In 10 bits all of the name is told, with
 * the colours of `colr` (type `nclx`); where samples of colour sit depends on the version of the encoder, and is told as unknown.
 */
function av1Name(config: Buffer, colours: Buffer | undefined): string {
  const profileAndLevel = config.readUInt8(1);
  const flags = config.readUInt8(2);
  const depth = flags & 0x40 ? (flags & 0x20 ? 12 : 10) : 8;
  const tier = flags & 0x80 ? 'H' : 'M';
  const name = `av01.${profileAndLevel >> 5}.${twoDigits(profileAndLevel & 0x1f)}${tier}.${twoDigits(depth)}`;
  if (depth === 8 || colours === undefined || colours.length < 11) return name;
  const chroma = `${(flags >> 3) & 1}${(flags >> 2) & 1}0`;
  const points = [4, 6, 8].map((at) => twoDigits(colours.readUInt16BE(at)));
  return [name, (flags >> 4) & 1, chroma, ...points, colours.readUInt8(10) >> 7].join('.');
}
