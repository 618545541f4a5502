import type { Collection as MongoCollection } from 'mongodb';
import type { CollectionShape, IndexKeys } from '../adapter.ts';

/**
 * A document as it is stored. The body is JSON text, so that any JSON comes back exactly as it was: field names with `$`
 * or `.`, deep nesting and number types are all trouble as BSON on one server or another.
 */
export interface MongoDocument extends MongoKeys {
  _id: string;
  /** Version. */
  v: number;
  /** Body. */
  b: string;
  /** Unpublished events, oldest first, each as JSON text. */
  o: string[];
  /** When the oldest of them was appended, in ms since 1970; absent if there is none. */
  p?: number;
  /** Present on a deleted document that still has events to publish. */
  d?: true;
}

/** Index keys as they are stored. Single keys are apart from lists, so that their index can order and bound a find. */
export interface MongoKeys {
  /** The key by index, where there is just one; else null. Each index of the collection is present. */
  k: Record<string, string | null>;
  /** `<index>/<key>` of the indexes where there are several. */
  m: string[];
}

/** Keys in their stored form. */
export function toMongoKeys(keys: IndexKeys): MongoKeys {
  const stored: MongoKeys = { k: {}, m: [] };
  for (const [index, list] of Object.entries(keys)) {
    stored.k[index] = (list.length === 1 ? list[0] : undefined) ?? null;
    if (list.length > 1) stored.m.push(...list.map((key) => listKey(index, key)));
  }
  return stored;
}

/** A key of an index in field `m`. An index's name holds no `/`. */
export function listKey(index: string, key: string): string {
  return `${index}/${key}`;
}

/** The end of an index's keys in field `m`: `0` is the character after `/`. */
export function listEnd(index: string): string {
  return `${index}0`;
}

/** Makes the indexes and adds the keys of those that are new to stored documents. */
export async function prepareCollection(
  stored: MongoCollection<MongoDocument>,
  shape: CollectionShape,
): Promise<void> {
  // One a call: FerretDB 1.24 falls over several that exist already.
  for (const index of shape.indexes) {
    await stored.createIndex({ [`k.${index}`]: 1, _id: 1 }, { name: `key_${index}` });
  }
  await stored.createIndex({ m: 1, _id: 1 }, { name: 'keys' });
  await stored.createIndex({ p: 1, _id: 1 }, { name: 'pending' });
  for (const index of shape.indexes) {
    const lacking = stored.find({ [`k.${index}`]: { $exists: false } }).project({ v: 1, b: 1, d: 1 });
    for await (const { _id, v, b, d } of lacking) {
      const keys = d ? shape.indexes.map((name) => [name, []] as const) : Object.entries(shape.keysOf(b));
      // Conditional on the version: who wrote it in between has stored keys of its own.
      await stored.updateOne({ _id, v }, { $set: toMongoKeys(Object.fromEntries(keys)) });
    }
  }
}
