import type { Generation } from '@kerkis/contracts/catalog';
import { TrackKind } from '@kerkis/contracts/media';
import { expect } from 'vitest';
import type { DecodedStream } from './decode.ts';

/** Expects every frame and sample that the plan of a generation says, nothing else, and all of it starting together. */
export function expectWhole(
  { tracks, grid }: Generation,
  streams: readonly DecodedStream[],
  what?: string,
): void {
  const played = tracks.filter(({ kind }) => kind !== TrackKind.TEXT);
  const planned = played.map(({ video, audio }) =>
    video
      ? { size: `${video.width}x${video.height}`, frameCount: Number(video.frameCount) }
      : { sampleRate: audio?.sampleRate, sampleCount: Number(audio?.sampleCount) },
  );
  const decoded = streams.map(({ kind, size, frameCount, sampleRate, sampleCount }) =>
    kind === 'video' ? { size, frameCount } : { sampleRate, sampleCount },
  );
  expect(sorted(decoded), what).toEqual(sorted(planned));
  for (const { kind, frameCount } of streams) {
    if (kind === 'video') expect(frameCount, what).toBe(Number(grid?.frameCount));
  }
  const starts = streams.map(({ startSeconds }) => startSeconds);
  const sampleRate = streams.find(({ kind }) => kind === 'audio')?.sampleRate ?? 48_000;
  expect(Math.max(...starts) - Math.min(...starts), what).toBeLessThanOrEqual(1024 / sampleRate);
}

const sorted = (facts: readonly object[]) => facts.map((each) => JSON.stringify(each)).toSorted();
