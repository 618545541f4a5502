import { KerkisError } from '@kerkis/errors';
import type { ObjectStore } from '@kerkis/objects';
import { donorPaths } from '../../domain/copied-job.ts';
import type { Donor } from '../../domain/donor.ts';
import { type GenerationPlace, generationPrefix } from '../../domain/segment-keys.ts';
import type { EncodeConditions } from '../encode-chunk.ts';

/** What copying a generation needs. */
export interface CopyGenerationDependencies {
  readonly objects: Pick<ObjectStore, 'copy' | 'list'>;
  /** Told of each file that is there, as a path below its generation. */
  readonly onCopied: (path: string) => void;
}

/** Copies that are on their way at a time. */
const parallel = 8;

/**
 * Copies all files of a finished generation. Throws COPY_SOURCE_GONE when it has not all of them, since it is being deleted; what was copied is
 * left to whoever begins the job anew.
 */
export async function copyGeneration(
  { objects, onCopied }: CopyGenerationDependencies,
  donor: Donor,
  place: GenerationPlace,
  { signal, assertHeld }: Pick<EncodeConditions, 'signal' | 'assertHeld'>,
): Promise<void> {
  const [from, to] = [generationPrefix(donor), generationPrefix(place)];
  const paths = (await Array.fromAsync(objects.list(from))).map(({ key }) => key.slice(from.length));
  try {
    const there = new Set(paths);
    if (donorPaths(donor).some((path) => !there.has(path))) throw gone(donor);
    const waiting = paths.values();
    const copySome = async () => {
      for (const path of waiting) {
        signal.throwIfAborted();
        assertHeld();
        await objects.copy(`${from}${path}`, `${to}${path}`);
        onCopied(path);
      }
    };
    const ends = await Promise.allSettled(Array.from({ length: parallel }, copySome));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  } catch (error) {
    if (!(error instanceof KerkisError) || error.kind !== 'not_found') throw error;
    throw gone(donor, error);
  }
}

const gone = ({ jobId }: Donor, cause?: unknown) =>
  new KerkisError(
    'not_found',
    'COPY_SOURCE_GONE',
    'What was to be copied has been deleted meanwhile. It is encoded instead.',
    { details: { jobId }, cause },
  );
