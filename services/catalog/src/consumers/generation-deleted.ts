import { GenerationState } from '@kerkis/contracts/catalog';
import type { GenerationDeleted } from '@kerkis/contracts/transcode/events';
import type { GenerationStore } from '../store/generations.ts';
import { unlessGone } from './unless-gone.ts';

/** Nothing is stored for a generation any more: it is gone. One that nobody wanted deleted stays. */
export async function onGenerationDeleted(
  generations: Pick<GenerationStore, 'getGeneration' | 'removeGeneration'>,
  { generationId }: GenerationDeleted,
): Promise<void> {
  const generation = await unlessGone(generations.getGeneration(generationId));
  if (generation?.state === GenerationState.DELETING) await generations.removeGeneration(generationId);
}
