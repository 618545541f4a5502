import { fitLadder, lookAtContent } from '@kerkis/media';
import type { SideRunner } from './run-side.ts';

/** The ladder is fitted here too: what cannot be fitted is a look that failed, and no job that stands still. */
export const runLook: SideRunner<'look'> = async ({ plan, options, scratch }) => {
  await using directory = await scratch();
  const look = await lookAtContent(plan, { ...options, scratchDirectory: directory.path });
  const { ladder, reasons } = fitLadder(plan.ladder, look);
  return { kind: 'look', look, video: ladder.video, reasons };
};
