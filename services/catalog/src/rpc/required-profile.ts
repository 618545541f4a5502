import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { Profile } from '@kerkis/contracts/media';
import { KerkisError } from '@kerkis/errors';

/** The profile of a request, stamped with the time. Validation has already refused a request without one. */
export function requiredProfile(profile: Profile | undefined): Profile {
  if (!profile) throw new KerkisError('invalid', 'REQUEST_INVALID', 'The request names no profile.');
  return { ...profile, createTime: timestampFromDate(new Date()) };
}
