// The catalog's stores on a real database, and its handlers called with events as NATS may bring them.
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { AssetState, type Generation } from '@kerkis/contracts/catalog';
import { FailureSchema, GridSchema, ProfileSchema, TrackSchema } from '@kerkis/contracts/media';
import {
  JobFailedSchema,
  JobFinishedSchema,
  JobPlannedSchema,
  JobRestartedSchema,
} from '@kerkis/contracts/transcode/events';
import { UploadCompletedSchema } from '@kerkis/contracts/upload/events';
import { openDatabase } from '@kerkis/documents';
import { newId } from '@kerkis/ids';
import { onTestFinished } from 'vitest';
import { onJobFailed } from '../src/consumers/job-failed.ts';
import { onJobFinished } from '../src/consumers/job-finished.ts';
import { onJobPlanned } from '../src/consumers/job-planned.ts';
import { onJobRestarted } from '../src/consumers/job-restarted.ts';
import { onUploadCompleted } from '../src/consumers/upload-completed.ts';
import { newAsset } from '../src/domain/asset.ts';
import { newGeneration } from '../src/domain/generation.ts';
import { assetStore } from '../src/store/assets.ts';
import { generationStore } from '../src/store/generations.ts';
import { profileStore } from '../src/store/profiles.ts';

export const profile = create(ProfileSchema, { name: 'default', renditions: [{ shortSide: 144 }] });
const other = create(ProfileSchema, { name: 'other', renditions: [{ shortSide: 96 }] });
const twin = create(ProfileSchema, { name: 'twin', renditions: [{ shortSide: 144 }] });
const tracks = [create(TrackSchema, { name: 'video/h264-144p' })];
const grid = create(GridSchema, { segmentCount: 1, durationMs: 4000n });
const failure = create(FailureSchema, { reason: 'FFMPEG_FAILED', message: 'No.' });

/** An asset and one of its generations. */
export interface Ids {
  /** Of the job that tells; 0 if absent. */
  readonly run?: number;
  readonly assetId: string;
  readonly generationId: string;
}

/** Opens an empty database for one test. */
export async function openRecord() {
  const database = await openDatabase({ url: 'sqlite::memory:' });
  onTestFinished(() => database[Symbol.asyncDispose]());
  const configured = new Map([profile, other, twin].map((each) => [each.name, each] as const));
  const stores = {
    assets: assetStore(database),
    generations: generationStore(database),
    profiles: profileStore(database, configured),
    defaultProfile: 'default',
  };

  async function asset(profileName = 'default'): Promise<string> {
    const id = newId('ast');
    const record = newAsset({
      ...{ id, playbackId: newId('pbk'), title: '', metadata: {}, profile: profileName },
      ...{ policy: 1, encryption: 1, traceParent: '', now: new Date() },
    });
    await stores.assets.addAsset({ record, events: [] });
    return id;
  }

  const uploaded = (assetId: string) =>
    onUploadCompleted(
      stores,
      create(UploadCompletedSchema, {
        assetId,
        uploadId: newId('upl'),
        source: { objectKey: 'sources/x' },
      }),
    );

  async function generationOf(assetId: string): Promise<Generation> {
    const [generation] = (await stores.generations.listGenerations(assetId, 1, '')).generations;
    if (!generation) throw new Error('no generation');
    return generation;
  }

  const events = async () =>
    (await stores.generations.collection.pendingOutbox(1000)).flatMap(({ entries }) =>
      entries.map(({ type }) => type.split('.').at(-1)),
    );

  const planned = (ids: Ids) => onJobPlanned(stores, create(JobPlannedSchema, { ...ids, grid, tracks }));
  const finished = (ids: Ids) =>
    onJobFinished(stores, create(JobFinishedSchema, { ...ids, tracks, hasPoster: true }));

  return {
    stores,
    asset,
    uploaded,
    generationOf,
    planned,
    finished,
    failed: (ids: Ids) => onJobFailed(stores, create(JobFailedSchema, { ...ids, failure })),
    restarted: (ids: Ids) => onJobRestarted(stores, create(JobRestartedSchema, ids)),

    /** An asset with its source and first generation, created at a given time. */
    async withSource(): Promise<Ids> {
      const assetId = await asset();
      await uploaded(assetId);
      return { assetId, generationId: (await generationOf(assetId)).id };
    },

    async nextGeneration(assetId: string, createdAtMs: number): Promise<Ids> {
      const at = timestampFromMs(createdAtMs);
      const generation = newGeneration(newId('gen'), assetId, other, new Date());
      await stores.generations.addGeneration({ ...generation, createTime: at, requestTime: at }, []);
      return { assetId, generationId: generation.id };
    },

    async stateOf({ assetId }: Ids) {
      const { state, activeGenerationId } = await stores.assets.getAsset(assetId);
      return [AssetState[state], activeGenerationId];
    },

    /** How many events of a type wait to be published for generations. */
    told: async (type: string) => (await events()).filter((each) => each === type).length,
  };
}
