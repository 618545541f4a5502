import { type BoxRange, ByteReader, Mp4Refusal, onlyBox } from './byte-reader.ts';
import { type PresentedTrack, presentedTimes } from './presented-times.ts';
import { openTable, readChunkOffsets, type SampleTable, walkChunks } from './sample-tables.ts';
import type { Mp4Movie, Mp4Track } from './track.ts';

/** What ffmpeg puts into one packet. */
const packetSamples = 1024;

/** Whether a track is sound of samples that last one tick each. */
export function isPcm(moov: Buffer, { handler, tables }: Mp4Track): boolean {
  const stts = tables.find(({ type }) => type === 'stts');
  if (handler !== 'soun' || stts === undefined || stts.end - stts.start < 16) return false;
  return moov.readUInt32BE(stts.start + 4) === 1 && moov.readUInt32BE(stts.start + 12) === 1;
}

/** The packets of up to 1,024 samples that ffmpeg makes of each chunk of uncompressed sound. Throws Mp4Refusal. */
export function pcmPackets(
  moov: Buffer,
  movie: Mp4Movie,
  track: Mp4Track,
  fileBytes: number,
): PresentedTrack {
  if (movie.isFragmented || track.sampleEntry === undefined)
    throw new Mp4Refusal('the sound is in fragments');
  const bytesPerSample = sampleBytes(moov, track.sampleEntry);
  const isLong = track.tables.some(({ type }) => type === 'co64');
  const chunks = readChunkOffsets(openTable(moov, onlyBox(track.tables, isLong ? 'co64' : 'stco')), isLong);
  const times: number[] = [];
  let time = 0;
  let bytes = 0;
  walkChunks(chunks.length, openTable(moov, onlyBox(track.tables, 'stsc')), (chunk, samples) => {
    const size = samples * bytesPerSample;
    bytes += size;
    if ((chunks[chunk] as number) + size > fileBytes || bytes > fileBytes)
      throw new Mp4Refusal('a chunk is behind the end of the file');
    for (let left = samples; left > 0; left -= packetSamples) {
      times.push(time);
      time += Math.min(packetSamples, left);
    }
  });
  if (times.length === 0) throw new Mp4Refusal('the track has no chunk');
  const table: SampleTable = {
    count: times.length,
    decodeTimes: Float64Array.from([...times, time]),
    sync: new Uint8Array(times.length).fill(1),
    offsets: new Float64Array(0),
    sizes: new Uint32Array(0),
  };
  const presented = presentedTimes(track, table, movie.timescale);
  return { timescale: track.timescale, presented, sync: table.sync };
}

/** Bytes of one sample of all channels. */
function sampleBytes(moov: Buffer, entry: BoxRange): number {
  const reader = new ByteReader(moov, entry.start, entry.end);
  reader.skip(8);
  const version = reader.uint16();
  reader.skip(6);
  const channels = reader.uint16();
  const bits = reader.uint16();
  reader.skip(8);
  // Version 1 may pack several samples in a frame, version 2 says all of it elsewhere.
  const samplesPerFrame = version === 1 ? reader.uint32() : 1;
  if (version === 1) reader.skip(4);
  const size = version === 1 ? reader.uint32() : (channels * bits) / 8;
  if (version > 1 || samplesPerFrame !== 1 || size < 1 || !Number.isInteger(size))
    throw new Mp4Refusal('the sound is described in an unusual way');
  return size;
}
