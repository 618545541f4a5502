import { ChunkClass, ChunkState } from '@kerkis/contracts/transcode';
import { expect, test } from 'vitest';
import { runningJob } from '../../test/example-plan.ts';
import type { ChunkRecord } from './chunk.ts';
import { countChunks } from './count-chunks.ts';
import { progressed } from './job.ts';
import { offeredAhead } from './offered-tracks.ts';

const shape = { seconds: 600, hasVideo: true, hasAudio: true, segmentMs: 4000 };
const [low, high] = ['video/h264-96p', 'video/h264-180p'];

/** The chunks of the higher rung as they are when the first ones are finished, one after the other. */
function after({
  finished,
  everySeconds,
  hole = -1,
}: {
  finished: number;
  everySeconds: number;
  hole?: number;
}) {
  const { job, chunks } = runningJob(shape, 20);
  const mine = chunks
    .filter(({ chunk }) => chunk.tracks.includes(high))
    .toSorted((a, b) => a.chunk.firstSegment - b.chunk.firstSegment);
  const records = mine.slice(0, finished).map(
    (record, index): ChunkRecord => ({
      ...record,
      chunk: { ...record.chunk, state: index === hole ? ChunkState.QUEUED : ChunkState.FINISHED },
      changedAt: new Date(1_000_000 + index * everySeconds * 1000),
    }),
  );
  return { job, records };
}

const offered = ({ job, records }: ReturnType<typeof after>) =>
  offeredAhead(job.tracks, records)
    .filter((track) => track.offered)
    .map(({ name }) => name);

test('the lowest rung and sound are offered at once, another rung when it is safely ahead of players', () => {
  const atOnce = [low, 'audio/aac-und-128k'];
  const isOffered = (made: Parameters<typeof after>[0]) => {
    const names = offered(after(made));
    expect(names).toEqual(expect.arrayContaining(atOnce));
    return names.includes(high);
  };
  expect(isOffered({ finished: 0, everySeconds: 1 })).toBe(false);
  // Quick, but nobody knows for how long.
  expect(isOffered({ finished: 3, everySeconds: 2 })).toBe(false);
  expect(isOffered({ finished: 4, everySeconds: 2 })).toBe(true);
  expect(isOffered({ finished: 6, everySeconds: 2, hole: 1 })).toBe(false);
  // Hardly quicker than playing: only when what is left is made before a player gets there.
  expect(isOffered({ finished: 10, everySeconds: 18 })).toBe(false);
  expect(isOffered({ finished: 28, everySeconds: 18 })).toBe(true);
  expect(isOffered({ finished: 10, everySeconds: 40 })).toBe(false);
});

test('what is offered stays offered, also when it is complete', () => {
  const { job, records } = after({ finished: 4, everySeconds: 2 });
  const ahead = offeredAhead(job.tracks, records);
  expect(ahead).not.toBe(job.tracks);
  expect(offeredAhead(ahead, [])).toBe(ahead);
  const { chunks } = runningJob(shape, 20);
  const all = chunks.map((record): ChunkRecord => {
    const { segmentCount, tracks } = record.chunk;
    const measure = { segmentCount, sizeBytes: 1, peakBandwidthBps: 1 };
    const measured = Object.fromEntries(tracks.map((track) => [track, measure]));
    const state = ChunkState.FINISHED;
    return { ...record, measured, chunk: { ...record.chunk, class: ChunkClass.BULK, state } };
  });
  const done = progressed(job, countChunks(job.tracks, all), new Date());
  expect(done?.tracks.map((track) => track.complete && track.offered)).toEqual([true, true, true]);
});
