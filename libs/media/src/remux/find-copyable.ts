import { readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { IndexedTrack, Mp4Index } from '../probe/mp4/mp4-index.ts';
import type { CopyableVideo } from '../probe/source-info.ts';
import type { SourceBytes } from '../source/source-bytes.ts';
import { readAvcConfig, startsWithIdr } from './avc-config.ts';
import { type Gops, readGops } from './gops.ts';
import { readAvcEntry } from './sample-entry.ts';

/** More groups of pictures than twelve hours of one a second have are not looked at. */
const maxGops = 50_000;
/** A track whose decoding must be further ahead than this makes players wait. */
const maxReorderSeconds = 2;
/** Enough for the parameter sets and messages that most encoders put first. */
const lookBytes = 64;
/** Each is a request where the bytes are elsewhere: of more, no track is taken over. */
const maxFetchedGops = 5_000;
/** So many reads, then others have their turn. */
const readsAtOnce = 32;

/**
 * The pictures of a file that can be published as they are: H.264 that every player decodes, on one simple timeline, in closed groups
 * that start with an IDR picture. Undefined when there are none. Groups behind the first `arrivedBytes` are taken for such as well.
 */
export async function findCopyable(
  file: SourceBytes,
  index: Mp4Index,
  arrivedBytes = Number.POSITIVE_INFINITY,
): Promise<CopyableVideo | undefined> {
  const indexed = index.firstPictures();
  if (indexed === undefined) return undefined;
  const { track, table, presented, moov } = indexed;
  const entry = track.sampleEntry && readAvcEntry(moov, track.sampleEntry);
  const config = entry && readAvcConfig(entry.config);
  const gops = config && readGops(indexed);
  if (!config || !gops || gops.first.length > maxGops) return undefined;
  if (gops.reorderTicks > maxReorderSeconds * track.timescale) return undefined;
  const isThere = (sample: number) =>
    (table.offsets[sample] as number) + (table.sizes[sample] as number) <= arrivedBytes;
  const starts = gops.first.filter(isThere);
  if (!(await allStartWithIdr(file, table, starts, config.lengthBytes))) return undefined;
  return {
    trackId: track.id,
    codecs: config.codecs,
    timescale: track.timescale,
    reorderTicks: gops.reorderTicks,
    firstTicks: presented.times[0] as number,
    frameCount: table.count,
    ...measureGops(indexed, gops),
  };
}

/** When each group starts, counted from the first, and what it takes. */
function measureGops({ table, presented }: IndexedTrack, { first }: Gops) {
  const origin = presented.times[0] as number;
  const gopTicks: number[] = [];
  const gopBytes: number[] = [];
  for (let gop = 0; gop < first.length; gop++) {
    const start = first[gop] as number;
    const end = first[gop + 1] ?? table.count;
    gopTicks.push((presented.times[start] as number) - origin);
    let bytes = 0;
    for (let sample = start; sample < end; sample++) bytes += table.sizes[sample] as number;
    gopBytes.push(bytes);
  }
  return { gopTicks, gopBytes };
}

async function allStartWithIdr(
  file: SourceBytes,
  { offsets, sizes }: IndexedTrack['table'],
  first: Uint32Array,
  lengthBytes: number,
): Promise<boolean> {
  if (file.fd === undefined && first.length > maxFetchedGops) return false;
  const startsAsWanted = (sample: number) => {
    const place = { offset: offsets[sample] as number, sizeBytes: sizes[sample] as number, lengthBytes };
    return file.fd === undefined ? fetchedStartsWithIdr(file, place) : sampleStartsWithIdr(file.fd, place);
  };
  for (let at = 0; at < first.length; at += readsAtOnce) {
    const found = Array.from(first.subarray(at, at + readsAtOnce), startsAsWanted);
    if ((await Promise.all(found)).includes(false)) return false;
    await setImmediate();
  }
  return true;
}

/** Where a sample lies, and how long the lengths in it are. */
interface SamplePlace {
  readonly offset: number;
  readonly sizeBytes: number;
  readonly lengthBytes: number;
}

/**
 * Reads synchronously: what has just been stored is in memory, where a read takes microseconds and a promise ten times as long.
 */
function sampleStartsWithIdr(fd: number, place: SamplePlace): boolean {
  for (let length = Math.min(place.sizeBytes, lookBytes); ; ) {
    const bytes = Buffer.allocUnsafe(length);
    if (readSync(fd, bytes, 0, length, place.offset) < length) return false;
    const found = look(bytes, place);
    if (typeof found === 'boolean') return found;
    length = found;
  }
}

async function fetchedStartsWithIdr(file: SourceBytes, place: SamplePlace): Promise<boolean> {
  for (let length = Math.min(place.sizeBytes, lookBytes); ; ) {
    const bytes = Buffer.allocUnsafe(length);
    if ((await file.read(bytes, 0, length, place.offset)).bytesRead < length) return false;
    const found = look(bytes, place);
    if (typeof found === 'boolean') return found;
    length = found;
  }
}

/** Whether the first picture in these bytes is an IDR; a number: so many bytes are needed to see. */
function look(bytes: Buffer, { sizeBytes, lengthBytes }: SamplePlace): boolean | number {
  const found = startsWithIdr(bytes, lengthBytes);
  if ('isIdr' in found) return found.isIdr;
  // Messages of more than 64 KiB are no honest encoder's.
  if (found.neededBytes > Math.min(sizeBytes, 65_536)) return false;
  return Math.min(sizeBytes, found.neededBytes + lookBytes);
}
