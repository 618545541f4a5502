import { makeThumbnail } from '@kerkis/media';
import { thumbnailPath } from '../../domain/segment-keys.ts';
import type { SideRunner } from './run-side.ts';

export const runThumbnail: SideRunner<'thumbnail'> = async ({ plan, options, store }, { timeMs, width }) => {
  const bytes = await makeThumbnail(plan, { timeSeconds: timeMs / 1000, width }, options);
  await store(thumbnailPath({ timeMs, width }), bytes, { sizeBytes: bytes.length });
  return { kind: 'thumbnail' };
};
