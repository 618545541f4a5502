import { VideoCodec } from '@kerkis/contracts/media';
import { ChunkClass, ChunkState } from '@kerkis/contracts/transcode';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { examplePlan, runningJob } from '../../test/example-plan.ts';
import type { ChunkRecord } from './chunk.ts';
import { countChunks } from './count-chunks.ts';
import { measuredTrack } from './measure-tracks.ts';
import { type PlannedChunk, planChunks } from './plan-chunks.ts';
import { segmentsLasting } from './track-runs.ts';
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

const isHead = ({ class: kind }: PlannedChunk) => kind === ChunkClass.HEAD;
const runLength = (segments: readonly { readonly count: number }[]) =>
  segments.reduce((sum, { count }) => sum + count, 0);

test('every segment of every track is in exactly one chunk, and the heads come first', () => {
  fc.assert(
    fc.property(shape, chunkSeconds, (source, seconds) => {
      const plan = examplePlan(source);
      const chunks = planChunks(plan, seconds);
      for (const { name, segments } of plannedTracks(plan)) {
        const made = chunks
          .filter(({ tracks }) => tracks.includes(name))
          .flatMap((chunk) => Array.from({ length: chunk.segmentCount }, (_, i) => chunk.firstSegment + i));
        const all = Array.from({ length: runLength(segments) }, (_, i) => i + 1);
        expect(made.toSorted((a, b) => a - b)).toEqual(all);
      }
      const heads = chunks.filter(isHead);
      expect(chunks.slice(0, heads.length)).toEqual(heads);
      const known = new Set(plannedTracks(plan).map(({ name }) => name));
      expect(new Set(heads.flatMap(({ tracks }) => tracks))).toEqual(known);
      if (source.seconds <= 30) expect(heads).toEqual(chunks);
      const first = plan.ladder.video.length > 0 ? 1 : 0;
      if (source.seconds > 31)
        expect(heads.length).toBe(new Set(heads.map(({ tracks }) => tracks[0])).size + first);
      expect(planChunks(plan, seconds)).toEqual(chunks);
    }),
    { numRuns: 200 },
  );
});

test('the lowest rung goes ahead alone, over the whole length before any other rung, then sound, then the rest', () => {
  const plan = examplePlan({ seconds: 200, hasVideo: true, hasAudio: true, segmentMs: 4000 });
  const told = planChunks(plan, 24).map(
    ({ tracks, firstSegment, segmentCount }) =>
      `${tracks.map((each) => each.split('-')[1])} ${firstSegment}+${segmentCount}`,
  );
  expect(told).toEqual([
    ...['96p 1+1', 'und 1+2', '96p 2+2', '180p 1+2'],
    ...['96p 4+18', '96p 22+18', '96p 40+11', 'und 3+48'],
    ...['180p 3+6', '180p 9+6', '180p 15+6', '180p 21+6', '180p 27+6', '180p 33+6', '180p 39+6', '180p 45+6'],
  ]);
});

test('a short first segment, and what is left of the usual one, are chunks of pictures by themselves', () => {
  const shape = { hasVideo: true, hasAudio: true, segmentMs: 4000, firstSegmentMs: 1000 };
  const told = (seconds: number) =>
    planChunks(examplePlan({ ...shape, seconds }), 24).map(
      ({ tracks, firstSegment, segmentCount }) =>
        `${tracks.map((each) => each.split('-')[1])} ${firstSegment}+${segmentCount}`,
    );
  expect(told(200).slice(0, 8)).toEqual([
    ...['96p 1+1', 'und 1+3', '96p 2+1', '96p 3+2', '180p 1+1', '180p 2+1', '180p 3+2', '96p 5+18'],
  ]);
  expect(told(10)).toEqual([
    ...['96p 1+1', 'und 1+4', '96p 2+1', '96p 3+2', '180p 1+1', '180p 2+1', '180p 3+2'],
  ]);
  expect(told(2)).toEqual(['96p 1+1', 'und 1+2', '96p 2+1', '180p 1+1', '180p 2+1']);
});

test('a short asset is not cut into crumbs, but for the segment that is played first', () => {
  const plan = examplePlan({ seconds: 10, hasVideo: true, hasAudio: true, segmentMs: 4000 });
  expect(planChunks(plan, 24).map(({ segmentCount }) => segmentCount)).toEqual([1, 3, 2, 3]);
});

test('other codecs have chunks of their own, after all of H.264', () => {
  const codecs = [VideoCodec.AV1, VideoCodec.H264, VideoCodec.HEVC];
  const renditions = codecs.flatMap((codec) => [180, 96].map((shortSide) => ({ shortSide, codec })));
  const shape = { seconds: 100, hasVideo: true, hasAudio: false, segmentMs: 4000 };
  const chunks = planChunks(examplePlan(shape, renditions), 24);
  const lanes = chunks.map(({ tracks }) => tracks.join());
  const wanted = [
    'video/h264-96p',
    'video/h264-180p',
    'video/av1-180p,video/av1-96p',
    'video/hevc-180p,video/hevc-96p',
  ];
  expect(lanes.slice(0, 5)).toEqual([wanted[0], ...wanted]);
  const rest = lanes.slice(5);
  expect([...new Set(rest)]).toEqual(wanted);
  expect(rest).toEqual(rest.toSorted((a, b) => wanted.indexOf(a) - wanted.indexOf(b)));
});

test('a number of segments lasts about as long as wanted, whatever their lengths', () => {
  const run = fc.record({
    count: fc.integer({ min: 1, max: 9 }),
    duration: fc.integer({ min: 500, max: 6000 }),
  });
  fc.assert(
    fc.property(
      fc.array(run, { minLength: 1, maxLength: 20 }),
      fc.nat(20),
      fc.nat(60),
      (runs, from, seconds) => {
        const durations = runs.flatMap(({ count, duration }) => Array<number>(count).fill(duration));
        const first = 1 + (from % durations.length);
        const count = segmentsLasting({ track: 'x', timescale: 1000, runs }, first, seconds);
        const taken = durations.slice(first - 1, first - 1 + count);
        expect(taken.length).toBe(count);
        const lasts = taken.reduce((sum, each) => sum + each, 0);
        const longest = Math.max(...durations);
        if (count > 1) expect(lasts).toBeLessThanOrEqual(seconds * 1000 + longest / 2);
        if (first + count <= durations.length)
          expect(lasts).toBeGreaterThanOrEqual(seconds * 1000 - longest / 2);
      },
    ),
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
      expect(before).toMatchObject({ finishedChunks: 0, completeTracks: [] });
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
