import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { type Worker, WorkerSchema } from '@kerkis/contracts/transcode';
import type { WorkerTable } from '../workers/worker-table.ts';

export function listWorkers(table: Pick<WorkerTable, 'list'>): { workers: Worker[] } {
  const workers = table
    .list()
    .map(({ worker, seenAt }) =>
      create(WorkerSchema, { ...worker, lastSeenTime: timestampFromDate(seenAt) }),
    );
  return { workers };
}
