import { fromJson, toJson } from '@bufbuild/protobuf';
import { type Profile, type ProfileJson, ProfileSchema } from '@kerkis/contracts/media';
import type { Collection, CollectionSpec, Database } from '@kerkis/documents';
import { isKerkisError, KerkisError } from '@kerkis/errors';

interface ProfileDocument {
  id: string;
  profile: ProfileJson;
}

const spec: CollectionSpec<ProfileDocument> = { name: 'profiles', indexes: {} };

/** Profiles: those of the configuration, and those made over the API. */
export type ProfileStore = ReturnType<typeof profileStore>;

const builtIn = (name: string) =>
  new KerkisError(
    'precondition',
    'PROFILE_BUILT_IN',
    'This profile comes from the configuration file: change it there, or choose another name.',
    { details: { name } },
  );

const notFound = (name: string) =>
  new KerkisError('not_found', 'PROFILE_NOT_FOUND', `There is no profile named "${name}".`, {
    details: { name },
  });

/** Profile records in a database, next to the configured ones, which nobody can change over the API. */
export function profileStore(database: Database, configured: ReadonlyMap<string, Profile>) {
  const profiles: Collection<ProfileDocument> = database.collection(spec);
  const toProfile = (doc: ProfileDocument) => fromJson(ProfileSchema, doc.profile);

  function document(profile: Profile): ProfileDocument {
    if (configured.has(profile.name)) throw builtIn(profile.name);
    if (profile.renditions.length === 0 && profile.audios.length === 0) {
      throw new KerkisError(
        'invalid',
        'PROFILE_EMPTY',
        'A profile needs at least one rendition or one audio track.',
      );
    }
    return { id: profile.name, profile: toJson(ProfileSchema, { ...profile, builtIn: false }) };
  }

  return {
    /** Reads a profile by name. Throws PROFILE_NOT_FOUND. */
    async getProfile(name: string): Promise<Profile> {
      const own = configured.get(name);
      if (own) return own;
      const found = await profiles.get(name);
      if (!found) throw notFound(name);
      return toProfile(found.doc);
    },

    /** All profiles, configured ones first. */
    async listProfiles(): Promise<Profile[]> {
      const stored: Profile[] = [];
      let pageToken: string | undefined;
      do {
        const page = await profiles.find({ limit: 200, ...(pageToken && { pageToken }) });
        stored.push(...page.items.map(({ doc }) => toProfile(doc)));
        pageToken = page.nextPageToken;
      } while (pageToken);
      return [...configured.values(), ...stored];
    },

    /** Adds a profile; the same one twice is no error. Throws PROFILE_EXISTS, PROFILE_BUILT_IN, PROFILE_EMPTY. */
    async addProfile(profile: Profile): Promise<Profile> {
      try {
        return toProfile((await profiles.insert(document(profile))).doc);
      } catch (error) {
        if (!isKerkisError(error) || error.reason !== 'DOCUMENT_EXISTS') throw error;
        throw new KerkisError(
          'already_exists',
          'PROFILE_EXISTS',
          `There already is a profile "${profile.name}".`,
        );
      }
    },

    /** Replaces a profile. Throws PROFILE_NOT_FOUND, PROFILE_BUILT_IN, PROFILE_EMPTY. */
    async replaceProfile(profile: Profile): Promise<Profile> {
      const doc = document(profile);
      const updated = await profiles.update(profile.name, (current) => ({
        doc: {
          ...doc,
          profile: {
            ...doc.profile,
            ...(current.profile.createTime && { createTime: current.profile.createTime }),
          },
        },
      }));
      if (!updated) throw notFound(profile.name);
      return toProfile(updated.doc);
    },

    /** Removes a profile. Throws PROFILE_NOT_FOUND, PROFILE_BUILT_IN. */
    async removeProfile(name: string): Promise<void> {
      if (configured.has(name)) throw builtIn(name);
      if (!(await profiles.delete(name))) throw notFound(name);
    },
  };
}
