import { isKerkisError } from '@kerkis/errors';

/** The result, or undefined for an asset or generation that was deleted in the meantime. */
export async function unlessGone<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (isKerkisError(error) && error.kind === 'not_found') return undefined;
    throw error;
  }
}
