import { type Client, createClient, type Interceptor } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import {
  AssetService,
  GenerationService,
  ProfileService,
  SigningKeyService,
} from '@kerkis/contracts/catalog';
import { RoutingService } from '@kerkis/contracts/delivery';
import { JobService, WorkerService } from '@kerkis/contracts/transcode';
import { UploadService } from '@kerkis/contracts/upload';
import type { GlobalOptions } from './global-options.ts';

/** Typed clients of the mesh. */
export interface Clients {
  readonly assets: Client<typeof AssetService>;
  readonly generations: Client<typeof GenerationService>;
  readonly jobs: Client<typeof JobService>;
  readonly profiles: Client<typeof ProfileService>;
  readonly routing: Client<typeof RoutingService>;
  readonly signingKeys: Client<typeof SigningKeyService>;
  readonly uploads: Client<typeof UploadService>;
  readonly workers: Client<typeof WorkerService>;
}

/** Headers that each request carries. */
export function requestHeaders({ apiKey }: Pick<GlobalOptions, 'apiKey'>): Record<string, string> {
  return apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
}

/** Clients over Connect on HTTP/1.1, which passes every proxy. Connects with the first call. */
export function createClients(options: Pick<GlobalOptions, 'server' | 'apiKey'>): Clients {
  const authorize: Interceptor = (next) => (request) => {
    for (const [name, value] of Object.entries(requestHeaders(options))) request.header.set(name, value);
    return next(request);
  };
  const transport = createConnectTransport({
    baseUrl: options.server,
    httpVersion: '1.1',
    useBinaryFormat: true,
    interceptors: [authorize],
  });
  return {
    assets: createClient(AssetService, transport),
    generations: createClient(GenerationService, transport),
    jobs: createClient(JobService, transport),
    profiles: createClient(ProfileService, transport),
    routing: createClient(RoutingService, transport),
    signingKeys: createClient(SigningKeyService, transport),
    uploads: createClient(UploadService, transport),
    workers: createClient(WorkerService, transport),
  };
}
