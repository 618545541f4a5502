import { fromJson, toJson } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { type ChunkJson, ChunkSchema, ChunkState } from '@kerkis/contracts/transcode';
import type { Collection, CollectionSpec, Database, OutboxEntry, Versioned } from '@kerkis/documents';
import { isKerkisError, KerkisError } from '@kerkis/errors';
import type { ChunkRecord } from '../domain/chunk.ts';
import type { JobRecord } from '../domain/job.ts';
import { extraOrder, firstSideOrder } from '../domain/new-chunk.ts';

interface ChunkDocument extends Omit<ChunkRecord, 'chunk' | 'changedAt' | 'extra'> {
  readonly id: string;
  /** Absent in what earlier versions stored. */
  readonly extra?: boolean;
  readonly chunk: ChunkJson;
  readonly changedAt: string;
}

const separator = '\u0000';
const runKey = (run: number) => String(run).padStart(8, '0');
const place = (doc: Pick<ChunkDocument, 'order'>) => String(doc.order).padStart(8, '0');
const stateName = (state: ChunkState) => `CHUNK_STATE_${ChunkState[state]}`;

const spec: CollectionSpec<ChunkDocument> = {
  name: 'chunks',
  indexes: {
    job: (doc) => [doc.chunk.jobId, runKey(doc.run), place(doc)].join(separator),
    jobState: (doc) => [doc.chunk.jobId, runKey(doc.run), doc.chunk.state, place(doc)].join(separator),
    jobFinished: (doc) =>
      doc.chunk.state === stateName(ChunkState.FINISHED)
        ? [doc.chunk.jobId, runKey(doc.run), doc.changedAt].join(separator)
        : undefined,
    state: (doc) => `${doc.chunk.state}${separator}${doc.changedAt}`,
  },
};

const toDocument = (record: ChunkRecord): ChunkDocument => ({
  ...record,
  id: record.chunk.id,
  chunk: toJson(ChunkSchema, record.chunk),
  changedAt: record.changedAt.toISOString(),
});

const toRecord = ({ doc }: Versioned<ChunkDocument>): ChunkRecord => {
  const { id: _, ...rest } = doc;
  const chunk = fromJson(ChunkSchema, doc.chunk);
  return { ...rest, extra: doc.extra ?? false, chunk, changedAt: new Date(doc.changedAt) };
};

/** More than any plan has. */
const maxSideWork = 100;

/** Workers and planners stamp by clocks of their own, and counting takes a moment. */
const clockSkewMs = 30_000;

/** A change of a chunk with the events it causes. */
export interface ChunkChange {
  readonly record: ChunkRecord;
  readonly events?: readonly OutboxEntry[];
}

/** Transcode's record of chunks. */
export type ChunkStore = ReturnType<typeof chunkStore>;

/** Chunk records in a database. */
export function chunkStore(database: Database) {
  const chunks: Collection<ChunkDocument> = database.collection(spec);

  async function page(
    prefix: string,
    pageSize: number,
    pageToken: string,
    range: { from?: string; before?: string } = {},
  ) {
    const found = await chunks.find({
      index: 'job',
      prefix,
      ...range,
      limit: pageSize,
      ...(pageToken && { pageToken }),
    });
    return { records: found.items.map(toRecord), nextPageToken: found.nextPageToken ?? '' };
  }

  /** Page by page. Pages go by key, so chunks may be changed and removed meanwhile. */
  async function* pages(
    prefix: string,
    range: { from?: string; before?: string } = {},
  ): AsyncGenerator<ChunkRecord> {
    let pageToken = '';
    do {
      const { records, nextPageToken } = await page(prefix, 200, pageToken, range);
      yield* records;
      pageToken = nextPageToken;
    } while (pageToken);
  }

  const runPrefix = ({ job, run }: Pick<JobRecord, 'job' | 'run'>) =>
    [job.id, runKey(run), ''].join(separator);

  return {
    /** The outbox of this collection is relayed by the service. */
    collection: chunks,

    /** Adds a chunk. False when it is there already. */
    async addChunk(record: ChunkRecord): Promise<boolean> {
      try {
        await chunks.insert(toDocument(record));
        return true;
      } catch (error) {
        if (isKerkisError(error) && error.kind === 'already_exists') return false;
        throw error;
      }
    },

    /** Adds those chunks that are not there already. */
    async addChunks(records: readonly ChunkRecord[]): Promise<void> {
      await chunks.insertMissing(records.map(toDocument));
    },

    /** The chunk, if there is one. */
    async findChunk(chunkId: string): Promise<ChunkRecord | undefined> {
      const found = await chunks.get(chunkId);
      return found && toRecord(found);
    },

    /** Reads a chunk. Throws CHUNK_NOT_FOUND. */
    async getChunk(chunkId: string): Promise<ChunkRecord> {
      const found = await this.findChunk(chunkId);
      if (found) return found;
      throw new KerkisError('not_found', 'CHUNK_NOT_FOUND', 'There is no chunk with this id.', {
        details: { chunkId },
      });
    },

    /**
     * Changes a chunk in one write with its events. Undefined when `change` has nothing to do, or the chunk does not exist:
     * what the caller wanted to change is not its own any more.
     */
    async changeChunk(
      chunkId: string,
      change: (record: ChunkRecord) => ChunkChange | undefined,
    ): Promise<ChunkRecord | undefined> {
      let applied = false;
      const updated = await chunks.update(chunkId, (doc) => {
        const next = change(toRecord({ doc, version: 0 }));
        applied = next !== undefined;
        return next && { doc: toDocument(next.record), outbox: next.events ?? [] };
      });
      return applied && updated ? toRecord(updated) : undefined;
    },

    /** One page of a job's chunks, in the order in which they are given out. */
    async listChunks(jobId: string, pageSize: number, pageToken: string) {
      return await page(`${jobId}${separator}`, pageSize, pageToken);
    },

    /** All chunks of a job, or of one run of it. */
    chunksOf(jobId: string, run?: number): AsyncGenerator<ChunkRecord> {
      return pages([jobId, ...(run === undefined ? [] : [runKey(run)]), ''].join(separator));
    },

    /** Chunks of a job's present run that are part of its plan, in order. */
    plannedOf(record: Pick<JobRecord, 'job' | 'run'>): AsyncGenerator<ChunkRecord> {
      const prefix = runPrefix(record);
      return pages(prefix, { before: `${prefix}${extraOrder}` });
    },

    /** Chunks of a job's present run that were made because somebody waited: there may be many more than planned ones. */
    extrasOf(record: Pick<JobRecord, 'job' | 'run'>): AsyncGenerator<ChunkRecord> {
      const prefix = runPrefix(record);
      return pages(prefix, { from: `${prefix}${extraOrder}` });
    },

    /** Chunks of a job's present run in one state, first in order first. */
    async inState({ job, run }: JobRecord, state: ChunkState, limit: number): Promise<ChunkRecord[]> {
      const prefix = [job.id, runKey(run), stateName(state), ''].join(separator);
      return (await chunks.find({ index: 'jobState', prefix, limit })).items.map(toRecord);
    },

    /** How many extra chunks of a job's present run wait in the queue: segments and pictures that somebody waits for. */
    async countExtrasQueued({ job, run }: Pick<JobRecord, 'job' | 'run'>): Promise<number> {
      const equals = [job.id, runKey(run), stateName(ChunkState.QUEUED), extraOrder].join(separator);
      return await chunks.count({ index: 'jobState', equals });
    },

    /** Side work of a job's present run in one state, first in order first. */
    async sideInState({ job, run }: JobRecord, state: ChunkState): Promise<ChunkRecord[]> {
      const prefix = [job.id, runKey(run), stateName(state), ''].join(separator);
      const range = { from: `${prefix}${firstSideOrder}`, before: `${prefix}${extraOrder}` };
      return (await chunks.find({ index: 'jobState', prefix, ...range, limit: maxSideWork })).items.map(
        toRecord,
      );
    },

    /** Chunks of a job's present run that were finished about when its record last changed, or later. */
    async finishedOfLate({ job, run }: JobRecord, limit: number): Promise<ChunkRecord[]> {
      const changedAtMs = job.updateTime ? timestampMs(job.updateTime) : 0;
      const prefix = [job.id, runKey(run), ''].join(separator);
      const from = `${prefix}${new Date(Math.max(0, changedAtMs - clockSkewMs)).toISOString()}`;
      return (await chunks.find({ index: 'jobFinished', prefix, from, limit })).items.map(toRecord);
    },

    /** Chunks of any job in one state that did not change since a time, longest waiting first. */
    async findUnchanged(state: ChunkState, before: Date, limit: number): Promise<ChunkRecord[]> {
      const name = stateName(state);
      const found = await chunks.find({
        index: 'state',
        prefix: `${name}${separator}`,
        before: `${name}${separator}${before.toISOString()}`,
        limit,
      });
      return found.items.map(toRecord);
    },

    /** One page of the chunks of any job in one state, longest unchanged first. */
    async pageInState(state: ChunkState, pageToken: string) {
      const found = await chunks.find({
        index: 'state',
        prefix: `${stateName(state)}${separator}`,
        limit: 200,
        ...(pageToken && { pageToken }),
      });
      return { records: found.items.map(toRecord), nextPageToken: found.nextPageToken ?? '' };
    },

    /** Removes the record of a chunk. */
    async removeChunk(chunkId: string): Promise<void> {
      await chunks.delete(chunkId);
    },
  };
}
