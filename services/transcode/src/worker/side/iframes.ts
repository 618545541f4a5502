import { indexIFrames } from '@kerkis/media';
import { iframesPath } from '../../domain/segment-keys.ts';
import type { SideRunner } from './run-side.ts';
import { openStoredTrack } from './stored-track.ts';

export const runIFrames: SideRunner<'iframes'> = async (run, { track }) => {
  const { ranges, ...bandwidths } = await indexIFrames(await openStoredTrack(run, track), run);
  // Pairs, since there is one for each segment of a film.
  const pairs = ranges.map(({ offset, sizeBytes }) => [offset, sizeBytes]);
  const body = Buffer.from(JSON.stringify({ ranges: pairs }));
  await run.store(iframesPath(track), body, { contentType: 'application/json', sizeBytes: body.length });
  return { kind: 'iframes', track, ...bandwidths };
};
