import { ChunkClass, ChunkState } from '@kerkis/contracts/transcode';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { examplePlan, runningJob } from '../../test/example-plan.ts';
import type { ChunkRecord } from './chunk.ts';
import { countChunks } from './count-chunks.ts';
import { measuredTrack } from './measure-tracks.ts';
import { planChunks } from './plan-chunks.ts';
import { plannedTracks } from './tracks.ts';

const shape = fc
  .record({
    seconds: fc.double({ min: 0.5, max: 900, noNaN: true }),
    hasVideo: fc.boolean(),
    hasAudio: fc.boolean(),
    segmentMs: fc.constantFrom(1000, 2000, 4000, 6000),
  })
  .filter(({ hasVideo, hasAudio }) => hasVideo || hasAudio);
const chunkSeconds = fc.integer({ min: 1, max: 120 });

test('every segment of every track is in exactly one chunk, and the heads come first', () => {
  fc.assert(
    fc.property(shape, chunkSeconds, (source, seconds) => {
      const plan = examplePlan(source);
      const chunks = planChunks(plan, seconds);
      for (const { name, segments } of plannedTracks(plan)) {
        const count = segments.reduce((sum, run) => sum + run.count, 0);
        const made = chunks
          .filter(({ tracks }) => tracks.includes(name))
          .flatMap((chunk) => Array.from({ length: chunk.segmentCount }, (_, i) => chunk.firstSegment + i));
        expect(made.toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i + 1));
      }
      const heads = chunks.filter((chunk) => chunk.class === ChunkClass.HEAD);
      expect(chunks.slice(0, heads.length)).toEqual(heads);
      expect(heads.every(({ firstSegment }) => firstSegment === 1)).toBe(true);
      const known = new Set(plannedTracks(plan).map(({ name }) => name));
      expect(new Set(heads.flatMap(({ tracks }) => tracks))).toEqual(known);
      expect(chunks.map(({ makesPoster }) => makesPoster)).toEqual(chunks.map((_, order) => order === 0));
      expect(planChunks(plan, seconds)).toEqual(chunks);
    }),
    { numRuns: 200 },
  );
});

/** The chunk as its worker commits it, with segments of the given size. */
function stored(record: ChunkRecord, sizeBytes: number): ChunkRecord {
  const { segmentCount, tracks } = record.chunk;
  const measure = { segmentCount, sizeBytes: sizeBytes * segmentCount, peakBandwidthBps: sizeBytes * 8 };
  return {
    ...record,
    chunk: { ...record.chunk, state: ChunkState.FINISHED, attempts: 2 },
    measured: Object.fromEntries(tracks.map((track) => [track, measure])),
    posterStored: record.makesPoster,
  };
}

test('a track is complete with its last chunk, in whatever order they come, and the count never falls', () => {
  const orders = fc.infiniteStream(fc.double({ noNaN: true }));
  fc.assert(
    fc.property(shape, fc.integer({ min: 1, max: 99_999 }), orders, (source, sizeBytes, order) => {
      const { job, chunks } = runningJob(source, 20);
      const shuffled = chunks
        .map((chunk) => ({ chunk, place: order.next().value }))
        .toSorted((a, b) => a.place - b.place);
      let records = chunks;
      let before = countChunks(job.tracks, records);
      expect(before).toMatchObject({ finishedChunks: 0, completeTracks: [], posterStored: false });
      for (const { chunk } of shuffled) {
        records = records.map((each) => (each === chunk ? stored(each, sizeBytes) : each));
        const count = countChunks(job.tracks, records);
        expect(count.finishedChunks).toBe(before.finishedChunks + 1);
        expect(count.retries).toBe(count.finishedChunks);
        for (const track of job.tracks) {
          const total = track.segments.reduce((sum, run) => sum + run.count, 0);
          const isComplete = count.finishedSegments.get(track.name) === total;
          expect(count.completeTracks.some(({ name }) => name === track.name)).toBe(isComplete);
          expect(measuredTrack(track, records) !== undefined).toBe(isComplete);
        }
        before = count;
      }
      expect(before.completeTracks.map(({ name }) => name)).toEqual(job.tracks.map(({ name }) => name));
      expect(before.posterStored).toBe(true);
      for (const track of before.completeTracks) {
        const segments = track.segments.reduce((sum, run) => sum + run.count, 0);
        const ticks = track.segments.reduce((sum, run) => sum + run.count * Number(run.duration), 0);
        expect(Number(track.sizeBytes)).toBe(segments * sizeBytes);
        const bps = (segments * sizeBytes * 8 * track.timescale) / ticks;
        expect(Math.abs(Number(track.averageBandwidthBps) - bps)).toBeLessThanOrEqual(1);
        expect(track.averageBandwidthBps).toBeGreaterThan(0n);
      }
    }),
    { numRuns: 100 },
  );
});
