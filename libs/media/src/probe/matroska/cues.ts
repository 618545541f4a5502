import { type ByteSource, SamplingRefusal } from '../sampled/byte-source.ts';
import { elementAt, elementsBetween, unsignedOf } from './ebml.ts';
import { ids, type MatroskaHeader } from './header.ts';

/** What the index of a Matroska file lists. */
export interface Cues {
  /** Where the clusters are that it names, in order. */
  readonly clusters: readonly number[];
  /** Times of pictures that it names, in seconds. */
  readonly pictureSeconds: readonly number[];
}

const cuePoint = 0xbb;
const cueTime = 0xb3;
const cueTrackPositions = 0xb7;
const cueTrack = 0xf7;
const cueClusterPosition = 0xf1;
/** Twelve hours with a keyframe each second have 1 MB. */
const maxCuesBytes = 16 * 1024 ** 2;

/** Reads the index; undefined when there is none where the header says. Throws SamplingRefusal when it is broken. */
export async function readCues(source: ByteSource, header: MatroskaHeader): Promise<Cues | undefined> {
  const { cuesAt, segmentStart, secondsPerTick, pictureTrack } = header;
  if (cuesAt === undefined || cuesAt >= source.sizeBytes) return undefined;
  const element = elementAt(await source.read(cuesAt, 12), 0);
  if (element?.id !== ids.cues || element.end === undefined) return undefined;
  if (element.end > maxCuesBytes) throw new SamplingRefusal('the index is too long');
  if (cuesAt + element.end > source.sizeBytes) return undefined;
  const bytes = await source.read(cuesAt, element.end);
  const clusters = new Set<number>();
  const pictureSeconds: number[] = [];
  for (const point of elementsBetween(bytes, element.start, element.end)) {
    if (point.id !== cuePoint) continue;
    const fields = elementsBetween(bytes, point.start, point.end);
    const time = fields.find(({ id }) => id === cueTime);
    for (const positions of fields.filter(({ id }) => id === cueTrackPositions)) {
      const parts = elementsBetween(bytes, positions.start, positions.end);
      const track = parts.find(({ id }) => id === cueTrack);
      const position = parts.find(({ id }) => id === cueClusterPosition);
      if (!time || !track || !position) throw new SamplingRefusal('the index lacks something');
      clusters.add(segmentStart + unsignedOf(bytes, position));
      if (unsignedOf(bytes, track) === pictureTrack)
        pictureSeconds.push(unsignedOf(bytes, time) * secondsPerTick);
    }
  }
  return { clusters: [...clusters].sort((a, b) => a - b), pictureSeconds };
}
