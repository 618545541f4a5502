import { type ByteSource, SamplingRefusal } from '../sampled/byte-source.ts';
import { type Element, elementAt, elementsBetween, unsignedOf } from './ebml.ts';

/** What stands in a Matroska or WebM file before its first cluster: RFC 9559. */
export interface MatroskaHeader {
  /** EBML header, a segment of unknown length, what it tells of itself and of its tracks: a file to which clusters may be appended. */
  readonly bytes: Buffer;
  readonly secondsPerTick: number;
  readonly trackNumbers: ReadonlySet<number>;
  /** Of the only track of pictures. */
  readonly pictureTrack?: number;
  /** First byte of the first cluster, and the one after the segment. */
  readonly start: number;
  readonly end: number;
  /** What positions in the file count from. */
  readonly segmentStart: number;
  /** Where the index of keyframes is, or may be. */
  readonly cuesAt?: number;
}

/** Identifiers of elements. */
export const ids = {
  ebml: 0x1a45dfa3,
  segment: 0x18538067,
  seekHead: 0x114d9b74,
  seek: 0x4dbb,
  seekId: 0x53ab,
  seekPosition: 0x53ac,
  info: 0x1549a966,
  timestampScale: 0x2ad7b1,
  tracks: 0x1654ae6b,
  trackEntry: 0xae,
  trackNumber: 0xd7,
  trackType: 0x83,
  trackTimestampScale: 0x23314f,
  cues: 0x1c53bb6b,
  cluster: 0x1f43b675,
} as const;

const headerBytes = 12;
const maxElements = 200;
const maxElementBytes = 4 * 1024 ** 2;
const pictures = 1;

/** Reads it. Throws SamplingRefusal. */
export async function readMatroskaHeader(source: ByteSource): Promise<MatroskaHeader> {
  const ebml = await readElement(source, 0, ids.ebml);
  const segment = elementAt(await source.read(ebml.end, headerBytes), 0);
  if (segment?.id !== ids.segment) throw new SamplingRefusal('the segment is not where it should be');
  const segmentStart = ebml.end + segment.start;
  const end = segment.end === undefined ? source.sizeBytes : ebml.end + segment.end;
  // What follows a segment is another one, or nothing that a scan would read.
  if (end < source.sizeBytes) throw new SamplingRefusal('the segment ends before the file does');
  const found = new Map<number, ReadElement>();
  let cuesAt: number | undefined;
  let at = segmentStart;
  for (let count = 0; ; count++) {
    const element = elementAt(await source.read(at, headerBytes), 0);
    if (element === undefined || count === maxElements) throw new SamplingRefusal('there is no cluster');
    if (element.id === ids.cluster) break;
    if (element.end === undefined) throw new SamplingRefusal('an element does not say how long it is');
    if (element.id === ids.cues) cuesAt = at;
    if (element.id === ids.info || element.id === ids.tracks || element.id === ids.seekHead) {
      if (found.has(element.id) && element.id !== ids.seekHead)
        throw new SamplingRefusal('something is there twice');
      if (!found.has(element.id)) found.set(element.id, await readElement(source, at, element.id));
    }
    at += element.end;
  }
  const info = found.get(ids.info);
  const tracks = found.get(ids.tracks);
  if (info === undefined || tracks === undefined) throw new SamplingRefusal('the header lacks something');
  cuesAt ??= cuesPosition(found.get(ids.seekHead), segmentStart);
  const unknownLength = Buffer.from([0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
  return {
    bytes: Buffer.concat([ebml.bytes, uint32(ids.segment), unknownLength, info.bytes, tracks.bytes]),
    secondsPerTick: timestampScale(info) / 1e9,
    ...readTracks(tracks),
    start: at,
    end: source.sizeBytes,
    segmentStart,
    ...(cuesAt !== undefined && { cuesAt }),
  };
}

/** An element with its header. */
interface ReadElement {
  readonly bytes: Buffer;
  readonly content: Required<Element>;
  /** Byte of the file after it. */
  readonly end: number;
}

async function readElement(source: ByteSource, at: number, id: number): Promise<ReadElement> {
  const element = elementAt(await source.read(at, headerBytes), 0);
  if (element?.id !== id || element.end === undefined || element.end > maxElementBytes)
    throw new SamplingRefusal('an element is not what it should be');
  const bytes = await source.read(at, element.end);
  if (bytes.length < element.end) throw new SamplingRefusal('an element is cut off');
  return { bytes, content: { ...element, end: element.end }, end: at + element.end };
}

function timestampScale({ bytes, content }: ReadElement): number {
  const scale = elementsBetween(bytes, content.start, content.end).find(
    ({ id }) => id === ids.timestampScale,
  );
  const nanoseconds = scale === undefined ? 1_000_000 : unsignedOf(bytes, scale);
  if (nanoseconds === 0 || nanoseconds > 1e9) throw new SamplingRefusal('time is counted strangely');
  return nanoseconds;
}

function readTracks({ bytes, content }: ReadElement): Pick<MatroskaHeader, 'trackNumbers' | 'pictureTrack'> {
  const trackNumbers = new Set<number>();
  const ofPictures: number[] = [];
  for (const entry of elementsBetween(bytes, content.start, content.end)) {
    if (entry.id !== ids.trackEntry) continue;
    const fields = elementsBetween(bytes, entry.start, entry.end);
    const value = (wanted: number) => {
      const field = fields.find(({ id }) => id === wanted);
      return field && unsignedOf(bytes, field);
    };
    if (fields.some(({ id }) => id === ids.trackTimestampScale))
      throw new SamplingRefusal('a track has a clock of its own');
    const number = value(ids.trackNumber);
    if (number === undefined) throw new SamplingRefusal('a track has no number');
    trackNumbers.add(number);
    if (value(ids.trackType) === pictures) ofPictures.push(number);
  }
  const [pictureTrack] = ofPictures;
  return { trackNumbers, ...(pictureTrack !== undefined && ofPictures.length === 1 && { pictureTrack }) };
}

function cuesPosition(seekHead: ReadElement | undefined, segmentStart: number): number | undefined {
  if (seekHead === undefined) return undefined;
  const { bytes, content } = seekHead;
  for (const seek of elementsBetween(bytes, content.start, content.end)) {
    if (seek.id !== ids.seek) continue;
    const fields = elementsBetween(bytes, seek.start, seek.end);
    const id = fields.find((field) => field.id === ids.seekId);
    const position = fields.find((field) => field.id === ids.seekPosition);
    if (id && position && unsignedOf(bytes, id) === ids.cues)
      return segmentStart + unsignedOf(bytes, position);
  }
  return undefined;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
