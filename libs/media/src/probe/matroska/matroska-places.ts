import { type ByteSource, SamplingRefusal } from '../sampled/byte-source.ts';
import type { Place, PlacedContainer } from '../sampled/places.ts';
import { readCues } from './cues.ts';
import { elementAt, trackNumberAt, unsignedOf } from './ebml.ts';
import { ids, type MatroskaHeader, readMatroskaHeader } from './header.ts';

const clusterId = Buffer.from([0x1f, 0x43, 0xb6, 0x75]);
const timestamp = 0xe7;
const simpleBlock = 0xa3;
const blockGroup = 0xa0;
/** What may stand in a cluster before its first block: CRC-32, Position, PrevSize, Void, SilentTracks. */
const beforeBlocks: ReadonlySet<number> = new Set([0xbf, 0xa7, 0xab, 0xec, 0x5854]);
/** Elements of a BlockGroup. */
const inGroup: ReadonlySet<number> = new Set([0xa1, 0x9b, 0xfa, 0xfb, 0xfd, 0x75a1, 0x75a2, 0xa4, 0xbf]);
/** Enough for the head of a cluster and of its first block. */
const clusterHeadBytes = 160;
/** How much is searched at first, at once, and at most for one place. No cluster of a sane file is longer. */
const firstSearchBytes = 16 * 1024;
const searchBytes = 512 * 1024;
const maxSearchBytes = 24 * 1024 ** 2;

/** The clusters of a Matroska or WebM file as places where reading may begin. Throws SamplingRefusal. */
export async function matroskaPlaces(source: ByteSource): Promise<PlacedContainer> {
  const header = await readMatroskaHeader(source);
  const cues = await readCues(source, header);
  const indexed = cues?.clusters ?? [];

  async function search(at: number, before: number): Promise<Place | undefined> {
    const end = Math.min(before, at + maxSearchBytes);
    let length = firstSearchBytes;
    for (let from = at; from < end; ) {
      const bytes = await source.read(from, length + clusterHeadBytes);
      for (let found = bytes.indexOf(clusterId); found >= 0; found = bytes.indexOf(clusterId, found + 1)) {
        if (found >= length || from + found >= end) break;
        const place = clusterAt(bytes.subarray(found, found + clusterHeadBytes), from + found, header);
        if (place !== undefined) return place;
      }
      from += length;
      length = Math.min(2 * length, searchBytes);
    }
    if (end < before) throw new SamplingRefusal('a cluster is too long');
    return undefined;
  }

  return {
    head: header.bytes,
    start: header.start,
    end: header.end,
    async placeAfter(at, before) {
      const listed = firstFrom(indexed, at);
      // The index may not list each cluster.
      if (listed === undefined || listed >= before) return await search(Math.max(at, header.start), before);
      const place = clusterAt(await source.read(listed, clusterHeadBytes), listed, header);
      if (place === undefined) throw new SamplingRefusal('the index names what is no cluster');
      return place;
    },
    pictureSeconds: () => cues?.pictureSeconds ?? [],
    placeSeconds: 30,
    keyframeSeconds: cues?.pictureSeconds ?? [],
  };
}

function firstFrom(sorted: readonly number[], at: number): number | undefined {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < at) low = middle + 1;
    else high = middle;
  }
  return sorted[low];
}

/** The cluster whose first bytes these are, if it is one: it has a time, and begins with a block of a track that there is. */
function clusterAt(bytes: Buffer, at: number, header: MatroskaHeader): Place | undefined {
  const cluster = elementAt(bytes, 0);
  if (cluster?.id !== ids.cluster) return undefined;
  let seconds: number | undefined;
  for (let from = cluster.start; ; ) {
    const element = elementAt(bytes, from);
    if (element?.end === undefined) return undefined;
    if (element.id === simpleBlock || element.id === blockGroup) {
      const isBlock =
        element.id === simpleBlock
          ? header.trackNumbers.has(trackNumberAt(bytes, element.start) ?? -1)
          : inGroup.has(elementAt(bytes, element.start)?.id ?? -1);
      return seconds !== undefined && isBlock ? { at, seconds } : undefined;
    }
    if (element.id === timestamp && element.end - element.start <= 8 && element.end <= bytes.length)
      seconds = unsignedOf(bytes, { ...element, end: element.end }) * header.secondsPerTick;
    else if (!beforeBlocks.has(element.id)) return undefined;
    from = element.end;
  }
}
