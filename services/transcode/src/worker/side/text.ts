import { extractTexts } from '@kerkis/media';
import { textPath } from '../../domain/segment-keys.ts';
import type { StoredText } from '../../domain/side-work.ts';
import type { SideRunner } from './run-side.ts';

/** Streams in which nothing is ever shown become no tracks. */
export const runText: SideRunner<'text'> = async ({ plan, options, store }, { tracks }) => {
  const texts = await extractTexts(
    plan.source,
    tracks.map(({ sourceIndex }) => sourceIndex),
    options,
  );
  const stored: StoredText[] = [];
  for (const { name, sourceIndex } of tracks) {
    const text = texts.find((each) => each.sourceIndex === sourceIndex);
    if (!text || text.cueCount === 0) continue;
    const sizeBytes = text.bytes.length;
    await store(textPath(name), text.bytes, { contentType: 'text/vtt', sizeBytes });
    stored.push({ name, sizeBytes });
  }
  return { kind: 'text', tracks: stored };
};
