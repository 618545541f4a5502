import { type Client, createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import {
  type Asset,
  AssetService,
  type Generation,
  GenerationService,
  ProfileService,
} from '@kerkis/contracts/catalog';
import { type Chunk, JobService } from '@kerkis/contracts/transcode';
import { UploadService } from '@kerkis/contracts/upload';

/** Typed clients of a mesh. */
export interface MeshClients {
  readonly assets: Client<typeof AssetService>;
  readonly generations: Client<typeof GenerationService>;
  readonly profiles: Client<typeof ProfileService>;
  readonly jobs: Client<typeof JobService>;
  readonly uploads: Client<typeof UploadService>;
  asset(assetId: string): Promise<Asset>;
  /** The generation that plays. */
  generation(assetId: string): Promise<Generation>;
  /** All chunks of an asset's newest job, none while there is no job. */
  chunks(assetId: string): Promise<Chunk[]>;
}

export function createClients(baseUrl: string): MeshClients {
  const transport = createConnectTransport({ baseUrl, httpVersion: '1.1' });
  const assets = createClient(AssetService, transport);
  const generations = createClient(GenerationService, transport);
  const jobs = createClient(JobService, transport);
  const asset = async (assetId: string) => present((await assets.getAsset({ assetId })).asset);
  return {
    assets,
    generations,
    profiles: createClient(ProfileService, transport),
    jobs,
    uploads: createClient(UploadService, transport),
    asset,
    async generation(assetId) {
      const { activeGenerationId: generationId } = await asset(assetId);
      return present((await generations.getGeneration({ generationId })).generation);
    },
    async chunks(assetId) {
      const [job] = (await jobs.listJobs({ assetId })).jobs;
      return job ? (await jobs.listChunks({ jobId: job.id, pageSize: 500 })).chunks : [];
    },
  };
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('The answer lacks its message.');
  return value;
}
