import type { Generation } from '@kerkis/contracts/catalog';
import type { DecodedStream } from '../../e2e/harness/decode.ts';

/** What decoded streams lack of what their generation says: frames, samples, a common start. Empty: nothing. */
export function flaws({ tracks }: Generation, streams: readonly DecodedStream[]): string[] {
  const planned = tracks.flatMap(({ video, audio }) => {
    if (video) return [`${video.width}x${video.height}: ${video.frameCount} frames`];
    return audio ? [`${audio.sampleRate} Hz: ${audio.sampleCount} samples`] : [];
  });
  const decoded = streams.map(({ kind, size, frameCount, sampleRate, sampleCount }) =>
    kind === 'video' ? `${size}: ${frameCount} frames` : `${sampleRate} Hz: ${sampleCount} samples`,
  );
  const found: string[] = [];
  if (`${planned.toSorted()}` !== `${decoded.toSorted()}`)
    found.push(`planned ${planned}, decoded ${decoded}`);
  const starts = streams.map(({ startSeconds }) => startSeconds);
  const apart = Math.max(...starts) - Math.min(...starts);
  const sampleRate = streams.find(({ kind }) => kind === 'audio')?.sampleRate ?? 48_000;
  // One frame of AAC.
  if (apart > 1024 / sampleRate) found.push(`its streams start ${apart.toFixed(3)} s apart`);
  return found;
}
