import { makePoster } from '@kerkis/media';
import { posterPath } from '../../domain/segment-keys.ts';
import type { SideRunner } from './run-side.ts';

export const runPoster: SideRunner<'poster'> = async ({ plan, options, store }) => {
  const bytes = await makePoster(plan.source, {}, options);
  await store(posterPath, bytes, { sizeBytes: bytes.length });
  return { kind: 'poster' };
};
