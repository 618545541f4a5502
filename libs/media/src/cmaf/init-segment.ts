import { KerkisError } from '@kerkis/errors';
import type { HdrMetadata } from '../probe/source-info.ts';
import { box, boxesIn, fullBox, uint16, uint32 } from './box.ts';

/**
 * The encoder's init segment as it is published. Presentation starts `reorderTicks` after the first composition time, by
 * an edit list: composition times are never negative, because ffmpeg and what is built on it shift a whole track that has
 * negative ones, and picture and sound drift apart. What ffmpeg copies from the source is left out: user data, and the
 * rotation and HDR metadata of pictures that are upright and SDR by now. `metadata` is that of HDR that was kept.
 */
export function publishInit(
  ftyp: Buffer,
  moov: Buffer,
  reorderTicks: number,
  metadata?: HdrMetadata,
): Buffer {
  const hdrBoxes = hdrMetadataBoxes(metadata);
  const children = boxesIn(moov.subarray(8)).flatMap((child) => {
    if (child.type === 'udta') return [];
    return [child.type === 'trak' ? publishTrack(child.content, reorderTicks, hdrBoxes) : child.bytes];
  });
  return Buffer.concat([ftyp, box('moov', ...children)]);
}

function publishTrack(trak: Buffer, mediaTime: number, hdrBoxes: readonly Buffer[]): Buffer {
  const editList = box('edts', fullBox('elst', 0, 0, uint32(1, 0, mediaTime), uint16(1, 0)));
  const children = boxesIn(trak).flatMap((child) => {
    if (child.type === 'edts') return [];
    if (child.type === 'tkhd') return [upright(child.bytes), editList];
    return [child.type === 'mdia' ? publishContainer('mdia', child.content, hdrBoxes) : child.bytes];
  });
  return box('trak', ...children);
}

/** Track header with the unity matrix. */
function upright(tkhd: Buffer): Buffer {
  const copy = Buffer.from(tkhd);
  const isLong = copy.readUInt8(8) === 1;
  const at = isLong ? 60 : 48;
  if (copy.length < at + unityMatrix.length)
    throw new KerkisError('internal', 'BOX_INVALID', 'The track header is short.');
  unityMatrix.copy(copy, at);
  return copy;
}

/** Transformation of `tkhd` and `mvhd` that leaves the picture as it is. */
export const unityMatrix = uint32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);
const publishedConfigs = ['avcC', 'hvcC', 'vpcC', 'av1C', 'colr', 'pasp'];

/** The way down to the sample entry, whose boxes are chosen. */
function publishContainer(type: string, content: Buffer, hdrBoxes: readonly Buffer[]): Buffer {
  return box(
    type,
    ...boxesIn(content).map((child) => {
      if (child.type === 'minf' || child.type === 'stbl')
        return publishContainer(child.type, child.content, hdrBoxes);
      return child.type === 'stsd' ? publishSampleEntry(child.content, hdrBoxes) : child.bytes;
    }),
  );
}

function publishSampleEntry(stsd: Buffer, hdrBoxes: readonly Buffer[]): Buffer {
  const entries = boxesIn(stsd.subarray(8)).map((entry) => {
    const configs = boxesIn(entry.content.subarray(visualFieldBytes));
    const kept = configs
      .filter((config) => publishedConfigs.includes(config.type))
      .map((config) => config.bytes);
    return box(entry.type, entry.content.subarray(0, visualFieldBytes), ...kept, ...hdrBoxes);
  });
  return box('stsd', stsd.subarray(0, 8), ...entries);
}

/** Bytes of the fields of a visual sample entry before its boxes. */
export const visualFieldBytes = 78;

/** `mdcv` and `clli` (ISO/IEC 14496-12, 12.1.6 and 12.1.5): colours in the order green, blue, red. */
function hdrMetadataBoxes({ masteringDisplay: display, contentLight: light }: HdrMetadata = {}): Buffer[] {
  return [
    ...(display === undefined
      ? []
      : [
          box(
            'mdcv',
            uint16(...display.green, ...display.blue, ...display.red, ...display.whitePoint),
            uint32(display.maxLuminance, display.minLuminance),
          ),
        ]),
    ...(light === undefined ? [] : [box('clli', uint16(light.maxCll, light.maxFall))]),
  ];
}
