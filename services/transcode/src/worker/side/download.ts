import { makeDownload, makeMp3 } from '@kerkis/media';
import { downloadPath } from '../../domain/segment-keys.ts';
import type { SideRunner } from './run-side.ts';
import { openStoredTrack } from './stored-track.ts';

export const runDownload: SideRunner<'download'> = async (run, { name, from }) => {
  const path = downloadPath(name);
  if (from.format === 'mp3') {
    const contentType = 'audio/mpeg';
    const sizeBytes = await run.store(path, makeMp3(run.plan.source, from, run.options), { contentType });
    return { kind: 'download', name, contentType, sizeBytes };
  }
  const [video, audio] = await Promise.all(
    [from.video, from.audio].map((track) => (track === undefined ? undefined : openStoredTrack(run, track))),
  );
  const tracks = { ...(video && { video }), ...(audio && { audio }) };
  const { body, contentType, sizeBytes } = await makeDownload(tracks, { signal: run.signal });
  await run.store(path, body, { contentType, sizeBytes });
  return { kind: 'download', name, contentType, sizeBytes };
};
