import { type Box, boxesIn, fullBox, malformed, uint32 } from './boxes.ts';
import { encryptPattern } from './cipher.ts';
import { type Fragment, readFragment } from './fragment.ts';
import { pattern, type TrackKey } from './init-segment.ts';
import type { ProtectedTrack } from './track.ts';

/** Bytes that stay, followed by bytes that are encrypted. */
interface Subsample {
  readonly clear: number;
  readonly secret: number;
}

const maxClear = 0xffff;
/** `saiz` tells of 42 parts of a sample at most; slices behind these stay clear. */
const maxSecrets = 32;
const useSubsamples = 2;

/**
 * A media segment with its samples encrypted by `cbcs`: sound as a whole, slice data of pictures one block of ten. `traf` gets `senc`, and
 * for pictures `saiz` and `saio`, which tell what was left clear. The same bytes for the same key and segment.
 *
 * Throws `data_loss` MEDIA_MALFORMED, `unsupported` ENCRYPTION_NOT_SUPPORTED.
 */
export function protectSegment(
  segment: Uint8Array,
  track: ProtectedTrack,
  key: Pick<TrackKey, 'key' | 'iv'>,
): Buffer {
  const bytes = Buffer.from(segment);
  const parts: Buffer[] = [];
  // Its offsets would have to count anew, and no player needs it: a segment is asked for as a whole.
  const boxes = boxesIn(bytes).filter(({ type }) => type !== 'sidx');
  const fragments = new Map<Box, Fragment>();
  for (const each of boxes) {
    if (each.type === 'moof') fragments.set(each, readFragment(bytes, each, track.defaultSampleBytes));
  }
  for (const each of boxes) {
    const fragment = fragments.get(each);
    if (!fragment) parts.push(bytes.subarray(each.start, each.end));
    else parts.push(protectFragment(bytes, fragment, track, key));
  }
  return Buffer.concat(parts);
}

function protectFragment(
  bytes: Buffer,
  fragment: Fragment,
  track: ProtectedTrack,
  key: Pick<TrackKey, 'key' | 'iv'>,
): Buffer {
  const { moof, traf, samples, dataOffsets } = fragment;
  const { units } = track;
  const maps = units ? samples.map(({ start, end }) => subsamplesOf(bytes, start, end, units)) : undefined;
  samples.forEach((sample, index) => {
    let at = sample.start;
    for (const { clear, secret } of maps?.[index] ?? [{ clear: 0, secret: sample.end - sample.start }]) {
      const start = at + clear;
      at = start + secret;
      encryptPattern(bytes, { start, end: at }, pattern[track.kind], key);
    }
  });
  const boxes = maps
    ? boxesOfMaps(maps, traf.end - moof.start)
    : [fullBox('senc', 0, 0, uint32(samples.length))];
  const added = Buffer.concat(boxes);
  const made = Buffer.concat([
    bytes.subarray(moof.start, traf.end),
    added,
    bytes.subarray(traf.end, moof.end),
  ]);
  const resize = (of: Box) => made.writeUInt32BE(of.end - of.start + added.length, of.start - moof.start);
  resize(moof);
  resize(traf);
  for (const at of dataOffsets) {
    made.writeInt32BE(made.readInt32BE(at - moof.start) + added.length, at - moof.start);
  }
  return made;
}

/** `saiz`, `saio`, `senc` that come at `offset` in `moof`. */
function boxesOfMaps(maps: readonly (readonly Subsample[])[], offset: number): Buffer[] {
  const sizes = Buffer.alloc(maps.length);
  const entries = maps.map((map, index) => {
    const entry = Buffer.alloc(2 + map.length * 6);
    if (entry.length > 0xff) throw malformed('A picture has more parts than a segment can tell.');
    sizes[index] = entry.length;
    entry.writeUInt16BE(map.length);
    map.forEach(({ clear, secret }, at) => {
      entry.writeUInt16BE(clear, 2 + at * 6);
      entry.writeUInt32BE(secret, 4 + at * 6);
    });
    return entry;
  });
  const saiz = fullBox('saiz', 0, 0, Buffer.from([0]), uint32(maps.length), sizes);
  const saioBytes = 20;
  const senc = fullBox('senc', 0, useSubsamples, uint32(maps.length), ...entries);
  const saio = fullBox('saio', 0, 0, uint32(1, offset + saiz.length + saioBytes + 16));
  return [saiz, saio, senc];
}

/** What of a picture stays clear: lengths and headers of its NAL units, and all of those that hold no slice. */
function subsamplesOf(
  bytes: Buffer,
  start: number,
  end: number,
  { lengthBytes, clearBytes }: NonNullable<ProtectedTrack['units']>,
): Subsample[] {
  const map: Subsample[] = [];
  let clear = 0;
  const add = (secret: number) => {
    for (; clear > maxClear; clear -= maxClear) map.push({ clear: maxClear, secret: 0 });
    map.push({ clear, secret });
    clear = 0;
  };
  for (let at = start; at < end; ) {
    if (at + lengthBytes > end) throw malformed('A NAL unit is cut off.');
    const from = at + lengthBytes;
    at = from + bytes.readUIntBE(from - lengthBytes, lengthBytes);
    if (at > end) throw malformed('A NAL unit does not fit into its sample.');
    const head = map.length < maxSecrets ? clearBytes(bytes, from, at) : at - from;
    clear += lengthBytes + head;
    const secret = at - from - head;
    if (secret > 0) add(secret);
  }
  if (clear > 0) add(0);
  return map;
}
