import { setTimeout as sleep } from 'node:timers/promises';
import { type EncodingProfile, resolveEncoder } from '@kerkis/media';
import type { Logger } from '@kerkis/telemetry';
import type { WorkerTable } from './worker-table.ts';

/** Workers are heard of within this time: a planner that has just started cannot know that there is no hardware. */
const listenMs = 5_000;
const pollMs = 100;

/** Tells which encoders in hardware a plan may count on: those of the workers that are there. */
export function createHardwareFor(
  workers: Pick<WorkerTable, 'encoders' | 'listeningForMs'>,
  logger: Logger,
): (profile: EncodingProfile, signal: AbortSignal) => Promise<readonly string[]> {
  return async ({ renditions, name: profile }, signal) => {
    const wanted = renditions.filter(({ encoder = 'software' }) => encoder !== 'software');
    const missing = () =>
      wanted.filter((rendition) => resolveEncoder(rendition, 8, workers.encoders()) === 'software');
    while (missing().length > 0 && workers.listeningForMs() < listenMs) {
      await sleep(pollMs, undefined, { signal });
    }
    const without = missing().map(({ encoder, codec }) => `${codec}_${encoder}`);
    if (without.length > 0) {
      logger.info({ profile, without }, 'no worker has the hardware of a profile: software makes its rungs');
    }
    return workers.encoders();
  };
}
