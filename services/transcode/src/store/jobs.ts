import { fromJson, toJson } from '@bufbuild/protobuf';
import { type SourceJson, SourceSchema } from '@kerkis/contracts/catalog';
import {
  type ArtefactsJson,
  ArtefactsSchema,
  type ProfileJson,
  ProfileSchema,
  type TrackJson,
  TrackSchema,
} from '@kerkis/contracts/media';
import { type JobJson, JobSchema, JobState } from '@kerkis/contracts/transcode';
import type { Collection, CollectionSpec, Database, OutboxEntry } from '@kerkis/documents';
import { isKerkisError, KerkisError } from '@kerkis/errors';
import type { MediaPlan } from '@kerkis/media';
import type { Donor } from '../domain/donor.ts';
import { usesHardware } from '../domain/hardware-need.ts';
import { hasEnded, type JobRecord, type LadderOutcome } from '../domain/job.ts';

interface JobDocument {
  readonly id: string;
  readonly job: JobJson;
  readonly source: SourceJson;
  readonly profile: ProfileJson;
  readonly plan?: MediaPlan;
  readonly chunkSeconds: number;
  readonly planFailures: number;
  readonly tracks: readonly TrackJson[];
  /** What earlier versions stored in place of `artefacts`. */
  readonly hasPoster?: boolean;
  /** Absent in what earlier versions stored. */
  readonly artefacts?: ArtefactsJson;
  readonly counted?: string;
  readonly ladderOutcome?: LadderOutcome;
  readonly copyOf?: Donor;
  /** Absent in what earlier versions stored. */
  readonly workKey?: string;
  readonly startedAtMs?: number;
  readonly revision?: number;
  readonly run: number;
  readonly needsCleanUp: boolean;
  readonly cleanUpUntilMs: number;
  readonly withoutHardware?: true;
  readonly withoutCopy?: true;
  readonly archived?: true;
}

const separator = '\u0000';
/** Times in JSON have as many digits as they need, which does not sort; these do. */
const sortable = (time: string | undefined) => new Date(time ?? 0).toISOString();
const created = ({ job }: JobDocument) => `${sortable(job.createTime)}${separator}${job.id}`;
const stateName = (state: JobState) => `JOB_STATE_${JobState[state]}`;

const spec: CollectionSpec<JobDocument> = {
  name: 'jobs',
  indexes: {
    created: (doc) => (doc.archived ? undefined : created(doc)),
    state: (doc) => (doc.archived ? undefined : `${doc.job.state}${separator}${created(doc)}`),
    finished: ({ archived, job }) =>
      archived || job.state !== stateName(JobState.FINISHED) ? undefined : sortable(job.updateTime),
    changed: ({ job }) => `${job.state}${separator}${sortable(job.updateTime)}`,
    inState: (doc) => doc.job.state,
    asset: (doc) => `${doc.job.assetId}${separator}${created(doc)}`,
    generation: (doc) => doc.job.generationId,
    made: (doc) => (doc.workKey && doc.job.state === stateName(JobState.FINISHED) ? doc.workKey : undefined),
    cleanUp: (doc) => (doc.needsCleanUp ? 'yes' : undefined),
    inHardware: ({ job, plan }) =>
      job.state === stateName(JobState.RUNNING) && plan && usesHardware(plan) ? 'yes' : undefined,
  },
};

const toDocument = (record: JobRecord): JobDocument => ({
  ...record,
  id: record.job.id,
  job: toJson(JobSchema, record.job),
  source: toJson(SourceSchema, record.source),
  profile: toJson(ProfileSchema, record.profile),
  tracks: record.tracks.map((track) => toJson(TrackSchema, track)),
  artefacts: toJson(ArtefactsSchema, record.artefacts),
});

const toRecord = ({ id: _, hasPoster, ...doc }: JobDocument): JobRecord => ({
  ...doc,
  counted: doc.counted ?? '',
  startedAtMs: doc.startedAtMs ?? 0,
  revision: doc.revision ?? 0,
  workKey: doc.workKey ?? '',
  job: fromJson(JobSchema, doc.job),
  source: fromJson(SourceSchema, doc.source),
  profile: fromJson(ProfileSchema, doc.profile),
  tracks: doc.tracks.map((track) => fromJson(TrackSchema, track)),
  artefacts: fromJson(ArtefactsSchema, doc.artefacts ?? { poster: hasPoster ?? false }),
});

/** One is enough, unless encoders or defaults changed since. */
const maxDonors = 20;

/** What a list of jobs is narrowed to. */
export interface JobQuery {
  readonly state: JobState;
  readonly assetId: string;
  readonly pageSize: number;
  readonly pageToken: string;
  /** With those that are listed no more; of an asset only. Default false. */
  readonly archived?: boolean;
}

/** Transcode's record of jobs. */
export type JobStore = ReturnType<typeof jobStore>;

/** Job records in a database. */
export function jobStore(database: Database) {
  const jobs: Collection<JobDocument> = database.collection(spec);

  return {
    /** The outbox of this collection is relayed by the service. */
    collection: jobs,

    /** Adds a job. False when it is there already. */
    async addJob(record: JobRecord): Promise<boolean> {
      try {
        await jobs.insert(toDocument(record));
        return true;
      } catch (error) {
        if (isKerkisError(error) && error.kind === 'already_exists') return false;
        throw error;
      }
    },

    /** The job, if there is one. */
    async findJob(jobId: string): Promise<JobRecord | undefined> {
      const found = await jobs.get(jobId);
      return found && toRecord(found.doc);
    },

    /** Reads a job. Throws JOB_NOT_FOUND. */
    async getJob(jobId: string): Promise<JobRecord> {
      const found = await this.findJob(jobId);
      if (found) return found;
      throw new KerkisError('not_found', 'JOB_NOT_FOUND', 'There is no job with this id.', {
        details: { jobId },
      });
    },

    /** The job that makes a generation, if there is one. */
    async findByGeneration(generationId: string): Promise<JobRecord | undefined> {
      const { items } = await jobs.find({ index: 'generation', equals: generationId, limit: 1 });
      return items[0] && toRecord(items[0].doc);
    },

    /** Finished jobs that made the same, as far as source and profile tell. */
    async finishedWith(workKey: string): Promise<JobRecord[]> {
      if (workKey === '') return [];
      const { items } = await jobs.find({ index: 'made', equals: workKey, limit: maxDonors });
      return items.map(({ doc }) => toRecord(doc));
    },

    /** Changes a job in one write with its events. Undefined when there was nothing to do, or it does not exist. */
    async changeJob(
      jobId: string,
      change: (record: JobRecord) => { record: JobRecord; events?: readonly OutboxEntry[] } | undefined,
    ): Promise<JobRecord | undefined> {
      let applied = false;
      const updated = await jobs.update(jobId, (doc) => {
        const next = change(toRecord(doc));
        applied = next !== undefined;
        return next && { doc: toDocument(next.record), outbox: next.events ?? [] };
      });
      return applied && updated ? toRecord(updated.doc) : undefined;
    },

    /** How many jobs are in a state. */
    async countInState(state: JobState): Promise<number> {
      return await jobs.count({ index: 'inState', equals: stateName(state) });
    },

    /** One page of jobs, newest first. */
    async listJobs({ state, assetId, pageSize, pageToken, archived = false }: JobQuery) {
      const inState = stateName(state);
      const byState =
        state === JobState.UNSPECIFIED
          ? { index: 'created' }
          : { index: 'state', prefix: `${inState}${separator}` };
      const scan = assetId ? { index: 'asset', prefix: `${assetId}${separator}` } : byState;
      const page = await jobs.find({
        ...scan,
        order: 'desc',
        limit: pageSize,
        ...(pageToken && { pageToken }),
      });
      const records = page.items.map(({ doc }) => toRecord(doc));
      return {
        records: records
          .filter((record) => archived || !record.archived)
          .filter(({ job }) => state === JobState.UNSPECIFIED || job.state === state),
        nextPageToken: page.nextPageToken ?? '',
      };
    },

    /** All jobs of an asset. */
    async jobsOf(assetId: string): Promise<JobRecord[]> {
      const query = { state: JobState.UNSPECIFIED, assetId, pageSize: 200, archived: true };
      const records: JobRecord[] = [];
      let pageToken = '';
      do {
        const page = await this.listJobs({ ...query, pageToken });
        records.push(...page.records);
        pageToken = page.nextPageToken;
      } while (pageToken);
      return records;
    },

    /** Jobs in a state that did not change since a time, longest unchanged first. */
    async findUnchanged(state: JobState, before: Date, limit: number): Promise<JobRecord[]> {
      const prefix = `${stateName(state)}${separator}`;
      const range = { prefix, before: `${prefix}${before.toISOString()}` };
      const { items } = await jobs.find({ index: 'changed', ...range, limit });
      return items.map(({ doc }) => toRecord(doc));
    },

    /** Listed jobs that were finished before a time, longest ago first. */
    async findFinished(before: Date, limit: number): Promise<JobRecord[]> {
      const { items } = await jobs.find({ index: 'finished', before: before.toISOString(), limit });
      return items.map(({ doc }) => toRecord(doc));
    },

    /** Running jobs that were planned with encoders in hardware. */
    async findInHardware(limit: number): Promise<JobRecord[]> {
      const { items } = await jobs.find({ index: 'inHardware', equals: 'yes', limit });
      return items.map(({ doc }) => toRecord(doc));
    },

    /** Jobs whose segments are still to be deleted. */
    async findToCleanUp(limit: number): Promise<JobRecord[]> {
      const { items } = await jobs.find({ index: 'cleanUp', equals: 'yes', limit });
      return items.map(({ doc }) => toRecord(doc));
    },

    /**
     * Removes the record of a job that is over; false when it is not, because somebody started it again. Events that it still
     * holds are published all the same.
     */
    async removeEndedJob(jobId: string): Promise<boolean> {
      const found = await jobs.get(jobId);
      if (!found) return true;
      const { job, needsCleanUp } = toRecord(found.doc);
      if (!hasEnded(job) || needsCleanUp) return false;
      try {
        await jobs.delete(jobId, found.version);
        return true;
      } catch (error) {
        if (isKerkisError(error) && error.kind === 'conflict') return false;
        throw error;
      }
    },
  };
}
