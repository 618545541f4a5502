import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Scan, StoredRow } from '../adapter.ts';
import type { CollectionTables } from './sqlite-layout.ts';

/** A find over one collection that keeps its prepared statements, one for each shape of scan. */
export function createFind(
  database: DatabaseSync,
  tables: CollectionTables,
): (scan: Scan) => readonly StoredRow[] {
  const statements = new Map<string, StatementSync>();
  return (scan) => {
    const sql = scan.index === undefined ? idScanSql(scan, tables) : indexScanSql(scan, tables);
    let statement = statements.get(sql);
    if (statement === undefined) {
      statement = database.prepare(sql);
      statements.set(sql, statement);
    }
    return statement.all(parameters(scan)).map((row) => ({
      key: String(row.key),
      id: String(row.id),
      version: Number(row.version),
      body: String(row.body),
    }));
  };
}

function idScanSql({ upper, order, after }: Scan, tables: CollectionTables): string {
  return `SELECT id AS key, id, version, body FROM ${tables.documents} d
    WHERE id >= :lower ${upper === undefined ? '' : 'AND id < :upper'}
    ${after === undefined ? '' : `AND id ${order === 'asc' ? '>' : '<'} :afterId`}
    ORDER BY id ${order} LIMIT :limit`;
}

/** Walks the keys in order and takes a document at the first of its keys in the range only. */
function indexScanSql({ upper, order, after }: Scan, tables: CollectionTables): string {
  const ahead = order === 'asc' ? '>' : '<';
  const earlier =
    order === 'asc'
      ? 'e.key >= :lower AND e.key < k.key'
      : `e.key > k.key ${upper === undefined ? '' : 'AND e.key < :upper'}`;
  return `SELECT k.key, k.id, d.version, d.body FROM ${tables.keys} k CROSS JOIN ${tables.documents} d ON d.id = k.id
    WHERE k.name = :index AND k.key >= :lower ${upper === undefined ? '' : 'AND k.key < :upper'}
    ${after === undefined ? '' : `AND (k.key, k.id) ${ahead} (:afterKey, :afterId)`}
    AND NOT EXISTS (SELECT 1 FROM ${tables.keys} e WHERE e.id = k.id AND e.name = :index AND ${earlier})
    ORDER BY k.key ${order}, k.id ${order} LIMIT :limit`;
}

function parameters({ index, lower, upper, after, limit }: Scan): Record<string, string | number> {
  return {
    lower,
    limit,
    ...(index === undefined ? {} : { index }),
    ...(upper === undefined ? {} : { upper }),
    ...(after === undefined
      ? {}
      : { afterId: after.id, ...(index === undefined ? {} : { afterKey: after.key }) }),
  };
}
