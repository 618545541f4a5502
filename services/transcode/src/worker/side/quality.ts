import { measureQuality, sampleSegments } from '@kerkis/media';
import type { SideRunner } from './run-side.ts';
import { openStoredTrack } from './stored-track.ts';

/** One segment in so many is compared, and few in all: each takes a decode of the source for each rung, which must cost little in all. */
const oneIn = 75;
const maxSegments = 3;
/** Frames of each that are compared. */
const framesPerSegment = 12;

export const runQuality: SideRunner<'quality'> = async (run, { track }) => {
  const { plan, options } = run;
  const { init, readSegment } = await openStoredTrack(run, track);
  const { segmentCount } = plan.grid;
  const segments = sampleSegments(plan.grid, Math.min(maxSegments, Math.ceil(segmentCount / oneIn)));
  await using scratch = await run.scratch();
  const measured = await measureQuality(
    plan,
    track.slice('video/'.length),
    { init, segments, readSegment: (index) => readSegment(index) },
    { ...options, framesPerSegment, scratchDirectory: scratch.path },
  );
  return { kind: 'quality', track, ...measured };
};
