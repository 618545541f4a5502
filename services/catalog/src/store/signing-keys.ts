import { fromJson, toJson } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { type SigningKey, type SigningKeyJson, SigningKeySchema } from '@kerkis/contracts/catalog';
import type { Collection, CollectionSpec, Database, OutboxEntry } from '@kerkis/documents';
import { isKerkisError, KerkisError } from '@kerkis/errors';

interface SigningKeyDocument {
  id: string;
  key: SigningKeyJson;
}

type Index = 'created' | 'good';

/** Edges hold all good keys in memory, and ask for them on one page. */
const maxGoodKeys = 64;

/** Times in JSON have as many digits as they need, which does not sort; these do. */
const created = ({ key }: SigningKeyDocument) => new Date(key.createTime ?? 0).toISOString();

const spec: CollectionSpec<SigningKeyDocument, Index> = {
  name: 'signing_keys',
  indexes: {
    created,
    good: (doc) => (doc.key.revokeTime ? undefined : created(doc)),
  },
};

/** The public halves of keys that sign playback tokens. */
export type SigningKeyStore = ReturnType<typeof signingKeyStore>;

const toKey = (doc: SigningKeyDocument) => fromJson(SigningKeySchema, doc.key);
const toDocument = (key: SigningKey) => ({ id: key.id, key: toJson(SigningKeySchema, key) });

const notFound = (signingKeyId: string) =>
  new KerkisError('not_found', 'SIGNING_KEY_NOT_FOUND', 'There is no signing key with this id.', {
    details: { signingKeyId },
  });

/** Signing keys in a database. Revoked ones stay, so that none comes back. */
export function signingKeyStore(database: Database) {
  const keys: Collection<SigningKeyDocument, Index> = database.collection(spec);

  async function assertRoom(): Promise<void> {
    const { items } = await keys.find({ index: 'good', limit: maxGoodKeys });
    if (items.length < maxGoodKeys) return;
    throw new KerkisError(
      'precondition',
      'TOO_MANY_SIGNING_KEYS',
      `There are at most ${maxGoodKeys} good signing keys: revoke one first.`,
    );
  }

  return {
    /** The outbox of this collection is relayed by the service. */
    collection: keys,

    /** Adds a key; one that is known already is the answer. Throws TOO_MANY_SIGNING_KEYS, SIGNING_KEY_REVOKED. */
    async addKey(key: SigningKey, events: readonly OutboxEntry[]): Promise<SigningKey> {
      if (!(await keys.get(key.id))) {
        await assertRoom();
        try {
          return toKey((await keys.insert(toDocument(key), events)).doc);
        } catch (error) {
          if (!isKerkisError(error) || error.reason !== 'DOCUMENT_EXISTS') throw error;
        }
      }
      const known = await this.getKey(key.id);
      if (!known.revokeTime) return known;
      throw new KerkisError(
        'precondition',
        'SIGNING_KEY_REVOKED',
        'This key was revoked, which is for good: make another pair.',
        { details: { signingKeyId: key.id } },
      );
    },

    /** Reads a key. Throws SIGNING_KEY_NOT_FOUND. */
    async getKey(signingKeyId: string): Promise<SigningKey> {
      const found = await keys.get(signingKeyId);
      if (!found) throw notFound(signingKeyId);
      return toKey(found.doc);
    },

    /** One page of keys, newest first. */
    async listKeys(which: 'good' | 'all', pageSize: number, pageToken: string) {
      const page = await keys.find({
        index: which === 'good' ? 'good' : 'created',
        order: 'desc',
        limit: pageSize,
        ...(pageToken && { pageToken }),
      });
      return {
        signingKeys: page.items.map(({ doc }) => toKey(doc)),
        nextPageToken: page.nextPageToken ?? '',
      };
    },

    /** Ends a key, with the event of it in the same write; one that was ended stays as it is. Throws SIGNING_KEY_NOT_FOUND. */
    async revokeKey(
      signingKeyId: string,
      now: Date,
      event: (key: SigningKey) => OutboxEntry,
    ): Promise<SigningKey> {
      const updated = await keys.update(signingKeyId, (doc) => {
        if (doc.key.revokeTime) return undefined;
        const next = { ...toKey(doc), revokeTime: timestampFromDate(now) };
        return { doc: toDocument(next), outbox: [event(next)] };
      });
      if (!updated) throw notFound(signingKeyId);
      return toKey(updated.doc);
    },
  };
}
