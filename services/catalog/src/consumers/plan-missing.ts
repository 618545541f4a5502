import { KerkisError } from '@kerkis/errors';

/** `conflict` PLAN_NOT_KNOWN_YET: events of one job may overtake each other between consumers, and this one is delivered again. */
export function planMissing(generationId: string): KerkisError {
  return new KerkisError(
    'conflict',
    'PLAN_NOT_KNOWN_YET',
    'The plan of this generation has not arrived yet.',
    { details: { generationId } },
  );
}
