import type { Filter, Collection as MongoCollection } from 'mongodb';
import type { Scan, StoredRow } from '../adapter.ts';
import { compareKeys } from '../key-range.ts';
import { listEnd, listKey, type MongoDocument } from './mongo-layout.ts';

type Stored = MongoCollection<MongoDocument>;
type IndexScan = Scan & { readonly index: string };
type Row = Pick<MongoDocument, '_id' | 'v' | 'b'>;

const row = { v: 1, b: 1 } as const;

/** One page of documents in (key, id) order. */
export async function findRows(stored: Stored, scan: Scan): Promise<readonly StoredRow[]> {
  const { index, order, limit } = scan;
  if (index === undefined) return findById(stored, scan);
  const indexScan = { ...scan, index };
  if (scan.equals !== undefined) return findEqual(stored, indexScan, scan.equals);
  const [singles, lists] = await Promise.all([
    findSingles(stored, indexScan),
    findInLists(stored, indexScan),
  ]);
  const sign = order === 'asc' ? 1 : -1;
  return [...singles, ...lists]
    .sort((a, b) => sign * (compareKeys(a.key, b.key) || compareKeys(a.id, b.id)))
    .slice(0, limit);
}

/** Documents that have exactly this key in an index. */
export function equalFilter(index: string, key: string): Filter<MongoDocument> {
  return { $or: [{ [`k.${index}`]: key }, { m: listKey(index, key) }] };
}

async function findById(stored: Stored, { lower, upper, order, after, limit }: Scan): Promise<StoredRow[]> {
  const ids = {
    $gte: lower,
    ...(upper === undefined ? {} : { $lt: upper }),
  };
  const found = await stored
    .find({ $and: [{ _id: ids }, ...beyond('_id', after?.id, order)], d: { $exists: false } })
    .sort({ _id: order })
    .limit(limit)
    .project<Row>(row)
    .toArray();
  return found.map(({ _id, v, b }) => ({ key: _id, id: _id, version: v, body: b }));
}

async function findEqual(
  stored: Stored,
  { index, order, after, limit }: IndexScan,
  key: string,
): Promise<StoredRow[]> {
  const found = await stored
    .find({ $and: [equalFilter(index, key), ...beyond('_id', after?.id, order)] })
    .sort({ _id: order })
    .limit(limit)
    .project<Row>(row)
    .toArray();
  return found.map(({ _id, v, b }) => ({ key, id: _id, version: v, body: b }));
}

/** Documents with one key in the index: their index gives range and order. */
async function findSingles(
  stored: Stored,
  { index, lower, upper, order, after, limit }: IndexScan,
): Promise<StoredRow[]> {
  const field = `k.${index}`;
  const found = await stored
    .find({ $and: [between(field, lower, upper), ...afterPlace(field, after, order)] })
    .sort({ [field]: order, _id: order })
    .limit(limit)
    .project<Row & Pick<MongoDocument, 'k'>>({ ...row, [field]: 1 })
    .toArray();
  return found.map(({ _id, v, b, k }) => ({ key: k[index] ?? '', id: _id, version: v, body: b }));
}

/** Documents with several keys in the index: each is taken at the first of its keys in the range. */
async function findInLists(stored: Stored, scan: IndexScan): Promise<StoredRow[]> {
  const { index, order, limit } = scan;
  const lower = listKey(index, scan.lower);
  const upper = scan.upper === undefined ? listEnd(index) : listKey(index, scan.upper);
  const rows: StoredRow[] = [];
  let after = scan.after && { key: listKey(index, scan.after.key), id: scan.after.id };
  while (rows.length < limit) {
    const places = await stored
      .aggregate<{ _id: string; m: string }>([
        { $match: { m: { $elemMatch: { $gte: lower, $lt: upper } } } },
        { $project: { m: 1 } },
        { $unwind: '$m' },
        { $match: { $and: [between('m', lower, upper), ...afterPlace('m', after, order)] } },
        { $sort: { m: order === 'asc' ? 1 : -1, _id: order === 'asc' ? 1 : -1 } },
        { $limit: limit },
      ])
      .toArray();
    rows.push(...(await takeAtFirstKey(stored, { index, lower, upper, order }, places)));
    const last = places.at(-1);
    if (last === undefined || places.length < limit) break;
    after = { key: last.m, id: last._id };
  }
  return rows.slice(0, limit);
}

async function takeAtFirstKey(
  stored: Stored,
  { index, lower, upper, order }: { index: string; lower: string; upper: string; order: Scan['order'] },
  places: readonly { _id: string; m: string }[],
): Promise<StoredRow[]> {
  if (places.length === 0) return [];
  const ids = [...new Set(places.map(({ _id }) => _id))];
  const found = await stored
    .find({ _id: { $in: ids } })
    .project<Row & Pick<MongoDocument, 'm'>>({ ...row, m: 1 })
    .toArray();
  const byId = new Map(found.map((document) => [document._id, document]));
  return places.flatMap(({ _id, m }) => {
    const document = byId.get(_id);
    const keys =
      document?.m.filter((key) => compareKeys(key, lower) >= 0 && compareKeys(key, upper) < 0) ?? [];
    const first = keys.toSorted(compareKeys).at(order === 'asc' ? 0 : -1);
    if (document === undefined || first !== m) return [];
    return [{ key: m.slice(index.length + 1), id: _id, version: document.v, body: document.b }];
  });
}

function between(field: string, lower: string, upper: string | undefined): Filter<MongoDocument> {
  return { [field]: { $gte: lower, ...(upper === undefined ? {} : { $lt: upper }) } };
}

function beyond(field: string, value: string | undefined, order: Scan['order']): Filter<MongoDocument>[] {
  return value === undefined ? [] : [{ [field]: { [order === 'asc' ? '$gt' : '$lt']: value } }];
}

/** The first condition alone bounds the index scan, the second leaves out what came before at the same key. */
function afterPlace(field: string, after: Scan['after'], order: Scan['order']): Filter<MongoDocument>[] {
  if (after === undefined) return [];
  const [orAt, ahead] = order === 'asc' ? ['$gte', '$gt'] : ['$lte', '$lt'];
  return [
    { [field]: { [orAt]: after.key } },
    { $or: [{ [field]: { [ahead]: after.key } }, { [field]: after.key, _id: { [ahead]: after.id } }] },
  ] as Filter<MongoDocument>[];
}
