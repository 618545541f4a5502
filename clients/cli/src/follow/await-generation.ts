import { setTimeout as sleep } from 'node:timers/promises';
import { type Generation, GenerationState } from '@kerkis/contracts/catalog';
import type { Job } from '@kerkis/contracts/transcode';
import { KerkisError } from '@kerkis/errors';
import type { Clients } from '../client.ts';
import { isNotFound, isTransient, recordedFailure } from '../failure.ts';
import { followJob } from './follow-job.ts';

const pauseMs = 500;
/** A server that is away for longer is given up. */
const maxFailures = 60;

/**
 * Resolves with a generation once it is complete; `onJob` is called with how far its job is. Throws the recorded reason when it fails,
 * GENERATION_DELETED when it is deleted.
 */
export async function awaitGeneration(
  clients: Pick<Clients, 'generations' | 'jobs'>,
  generationId: string,
  onJob: (job: Job) => void,
): Promise<Generation> {
  for (let failures = 0; ; ) {
    try {
      const { generation } = await clients.generations.getGeneration({ generationId });
      failures = 0;
      if (!generation || generation.state === GenerationState.DELETING) throw deleted(generationId);
      if (generation.state === GenerationState.FAILED) throw recordedFailure(generation.failure);
      if (generation.state === GenerationState.COMPLETE) return generation;
      if (generation.jobId !== '') {
        for await (const job of followJob(clients, generation.jobId, { isReached: true })) onJob(job);
      }
    } catch (error) {
      if (isNotFound(error)) throw deleted(generationId);
      if (!isTransient(error) || ++failures > maxFailures) throw error;
    }
    // What the job has told comes to the catalog a moment later.
    await sleep(pauseMs);
  }
}

const deleted = (generationId: string) =>
  new KerkisError('not_found', 'GENERATION_DELETED', `The generation ${generationId} was deleted.`);
