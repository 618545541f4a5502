import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { create, equals, fromJsonString } from '@bufbuild/protobuf';
import { type Profile, ProfileSchema } from '@kerkis/contracts/media';
import { KerkisError } from '@kerkis/errors';
import { fromConnectError } from '@kerkis/rpc/error-mapping';
import type { Clients } from './client.ts';

/**
 * The name under which the server knows a profile that is told by name, or by a file in JSON, as CreateProfile takes it; one without a name has
 * that of its file. A file's profile is created unless there is one of this name with the same content. Throws FILE_UNREADABLE,
 * PROFILE_FILE_INVALID, and PROFILE_EXISTS when the name is taken by another one.
 */
export async function profileNamed(
  { profiles }: Pick<Clients, 'profiles'>,
  nameOrFile: string,
): Promise<string> {
  if (!isFile(nameOrFile)) return nameOrFile;
  const profile = await readProfile(nameOrFile);
  try {
    await profiles.createProfile({ profile });
  } catch (error) {
    if (fromConnectError(error).reason !== 'PROFILE_EXISTS') throw error;
    const { profile: known } = await profiles.getProfile({ name: profile.name });
    if (!known || !equals(ProfileSchema, content(known), content(profile))) throw error;
  }
  return profile.name;
}

/** Names of profiles have neither. */
const isFile = (nameOrFile: string) => /[./\\]/.test(nameOrFile);

const content = ({ createTime: _, ...profile }: Profile) =>
  create(ProfileSchema, { ...profile, builtIn: false });

async function readProfile(path: string): Promise<Profile> {
  const shown = JSON.stringify(path);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new KerkisError('invalid', 'FILE_UNREADABLE', `${shown} cannot be read.`, { cause });
  }
  try {
    const profile = fromJsonString(ProfileSchema, text);
    return { ...profile, name: profile.name || basename(path).replace(/\..*$/, '') };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new KerkisError('invalid', 'PROFILE_FILE_INVALID', `${shown} is no profile in JSON: ${why}`, {
      cause,
    });
  }
}
