import { makeStoryboard, planStoryboard } from '@kerkis/media';
import { spritePath } from '../../domain/segment-keys.ts';
import type { SideRunner } from './run-side.ts';
import { openStoredTrack } from './stored-track.ts';

export const runStoryboard: SideRunner<'storyboard'> = async (run, { track }) => {
  const storyboard = planStoryboard(run.plan);
  let sprite = 0;
  for await (const bytes of makeStoryboard(storyboard, await openStoredTrack(run, track), run.options)) {
    sprite++;
    await run.store(spritePath(sprite), bytes, { sizeBytes: bytes.length });
  }
  return { kind: 'storyboard', storyboard };
};
