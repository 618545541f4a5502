import { timestampDate } from '@bufbuild/protobuf/wkt';
import type { Worker } from '@kerkis/contracts/transcode';
import { formatTable, formatTime, plain } from './text.ts';

/** Workers as a table. */
export function workerTable(workers: readonly Worker[]): string {
  const rows = workers.map((worker) => [
    worker.id,
    plain(worker.host),
    worker.draining ? 'DRAINING' : 'READY',
    `${worker.busySlots}/${worker.slots}`,
    `${worker.chunkIds.length}`,
    formatTime(worker.startTime && timestampDate(worker.startTime)),
    formatTime(worker.lastSeenTime && timestampDate(worker.lastSeenTime)),
    worker.encoders.map(plain).join(' ') || 'software',
  ]);
  return formatTable(['ID', 'HOST', 'STATE', 'BUSY', 'CHUNKS', 'SINCE', 'LAST SEEN', 'ENCODERS'], rows);
}
