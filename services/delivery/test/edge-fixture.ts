import { readdir, readFile } from 'node:fs/promises';
import { type Agent, type IncomingHttpHeaders, request } from 'node:http';
import { join } from 'node:path';
import { create, type DescService, type MessageInitShape } from '@bufbuild/protobuf';
import {
  Code,
  ConnectError,
  createClient,
  createRouterTransport,
  type HandlerContext,
} from '@connectrpc/connect';
import { parseConfig } from '@kerkis/config';
import {
  AssetState,
  type Generation,
  GenerationSchema,
  GenerationService,
  GenerationState,
  LookUpPlaybackIdResponseSchema,
  PlaybackPolicy,
  PlaybackService,
  SigningKeyService,
} from '@kerkis/contracts/catalog';
import { type ArtefactsSchema, TrackKind, type TrackSchema } from '@kerkis/contracts/media';
import { SegmentService } from '@kerkis/contracts/transcode';
import { KerkisError } from '@kerkis/errors';
import { newId } from '@kerkis/ids';
import { openResources } from '@kerkis/mesh';
import { type ObjectStore, openObjectStore } from '@kerkis/objects';
import { type ServerOptions, startServer, toConnectError } from '@kerkis/rpc';
import { startTelemetry } from '@kerkis/telemetry';
import { freePort, type NatsServer, startNats, startS3, tempDir } from '@kerkis/testing';
import type { generatePresentation } from '../src/player/playback-fixture.ts';
import { startDelivery } from '../src/service.ts';

type Presentation = Awaited<ReturnType<typeof generatePresentation>>;
type EnsureThumbnail = (request: { generationId: string; timeMs: bigint; width: number }) => Promise<void>;
type Ensure = (
  request: { generationId: string; track: string; segment: number },
  context: HandlerContext,
) => Promise<void>;

/** An answer with its body in memory. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A running edge in front of a real store and a real NATS; the catalog and transcode are played by the test. */
export type Edge = Awaited<ReturnType<typeof startEdge>>;

/** What an edge has in common with the edges beside it. */
interface Surroundings {
  readonly nats: NatsServer;
  readonly store: ObjectStore;
  readonly catalog: ReturnType<typeof createCatalog>;
}

/** How an edge is started. */
export interface EdgeSettings {
  readonly store?: 'filesystem' | 's3';
  /** YAML, each line a key of its own. */
  readonly config?: string;
  /** The value of that key. */
  readonly telemetry?: string;
  /** Another edge of the same mesh. */
  readonly beside?: Surroundings;
  /** Of a former edge, in whose place this one starts. */
  readonly directory?: string;
  /** Of the server, besides. */
  readonly server?: Partial<ServerOptions>;
}

/** Starts an edge. */
export async function startEdge(options: EdgeSettings = {}) {
  await using stack = new AsyncDisposableStack();
  const { beside } = options;
  const nats = beside?.nats ?? stack.use(await startNats());
  const directory = options.directory ?? stack.use(await tempDir('delivery')).path;
  const port = await freePort();
  const config = parseConfig(
    `dataDirectory: ${directory}\nserver: {port: ${port}}\ntelemetry: ${options.telemetry ?? '{logLevel: fatal}'}\n${options.config ?? ''}`,
  );
  const telemetry = stack.use(startTelemetry({ serviceName: 'delivery', version: '0', ...config.telemetry }));
  const resources = stack.use(
    await openResources({ config, telemetry, environment: {}, processName: 'test', natsUrl: nats.url }),
  );
  const openStore = async () =>
    options.store === 's3'
      ? await openObjectStore({ kind: 's3', forcePathStyle: true, ...stack.use(await startS3()) })
      : await openObjectStore({ kind: 'filesystem', directory: join(directory, 'objects') });
  const store = beside?.store ?? stack.use(await openStore());

  const catalog = beside?.catalog ?? createCatalog();
  const off = () => Promise.reject(new ConnectError('off', Code.Unavailable));
  const transcode: { ensure: Ensure; ensureThumbnail: EnsureThumbnail } = {
    ensure: off,
    ensureThumbnail: off,
  };
  const reads: string[] = [];
  const fault: { error?: Error } = {};
  const watched: Pick<ObjectStore, 'get'> = {
    async get(key, settings) {
      reads.push(key);
      if (fault.error) throw fault.error;
      return await store.get(key, settings);
    },
  };
  const transport = createRouterTransport((router) => {
    router.rpc(PlaybackService.method.lookUpPlaybackId, ({ playbackId }) => catalog.lookUp(playbackId));
    router.rpc(GenerationService.method.getGeneration, ({ generationId }) =>
      catalog.getGeneration(generationId),
    );
    router.rpc(SigningKeyService.method.listSigningKeys, () => catalog.listSigningKeys());
    router.rpc(SegmentService.method.ensureSegment, async (wanted, context) => {
      await transcode.ensure(wanted, context);
      return {};
    });
    router.rpc(SegmentService.method.ensureThumbnail, async (wanted) => {
      await transcode.ensureThumbnail(wanted);
      return {};
    });
  });
  const mesh = resources.meshFor('delivery');
  const service = stack.use(
    await startDelivery(
      {
        ...mesh,
        objects: async () => Object.assign(Object.create(store), watched),
        client: <S extends DescService>(_: string, schema: S) => createClient(schema, transport),
      },
      { announceMs: 100 },
    ),
  );
  const server = await startServer({
    host: '127.0.0.1',
    port,
    parts: [service.parts],
    auth: 'off',
    telemetry,
    metricsHandler: telemetry.metricsHandler,
    drainMs: 500,
    ...options.server,
  });
  stack.use(server);
  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    fetchRaw({ port, path, method, headers });
  const running = stack.move();
  return {
    url: server.url,
    port,
    bus: mesh.bus,
    server,
    service,
    nats,
    store,
    reads,
    fault,
    catalog,
    transcode,
    get,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** A catalog that says what the test put into it. */
export function createCatalog() {
  const playbacks = new Map<string, MessageInitShape<typeof LookUpPlaybackIdResponseSchema>>();
  const generations = new Map<string, Generation>();
  /** Public keys in PEM by their ids. */
  const signingKeys = new Map<string, string>();
  const state = { down: false, lookUps: 0 };
  const assertUp = () => {
    if (state.down) throw new ConnectError('The catalog is off.', Code.Unavailable);
  };
  const absent = (reason: string) => toConnectError(new KerkisError('not_found', reason, 'There is none.'));
  return {
    playbacks,
    generations,
    signingKeys,
    state,
    lookUp(playbackId: string) {
      state.lookUps += 1;
      assertUp();
      const found = playbacks.get(playbackId);
      if (!found) throw absent('PLAYBACK_ID_NOT_FOUND');
      return create(LookUpPlaybackIdResponseSchema, found);
    },
    listSigningKeys() {
      assertUp();
      return { signingKeys: [...signingKeys].map(([id, publicKey]) => ({ id, publicKey })) };
    },
    getGeneration(generationId: string) {
      assertUp();
      const generation = generations.get(generationId);
      if (!generation) throw absent('GENERATION_NOT_FOUND');
      return { generation };
    },
  };
}

/** The path as it is: neither decoded nor normalized. Without an agent the connection ends with the answer. */
export function fetchRaw(options: {
  port: number;
  agent?: Agent;
  path: string;
  method?: string;
  headers?: Record<string, string>;
}): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = request({ host: '127.0.0.1', agent: false, ...options }, async (response) => {
    const body = Buffer.concat(await Array.fromAsync(response as AsyncIterable<Uint8Array>));
    resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
  });
  sent.on('error', reject).end();
  return promise;
}

/** What an asset is made of; every id is new. */
export interface Published {
  readonly assetId: string;
  readonly playbackId: string;
  readonly generation: Generation;
  /** `/v/<playbackId>` */
  readonly base: string;
}

/** A generation of the presentation as the catalog tells it. */
export function generationOf(
  presentation: Presentation,
  assetId: string,
  change: Partial<Pick<Generation, 'state' | 'hasPoster'>> & {
    completeTracks?: readonly string[];
    offeredTracks?: readonly string[];
    artefacts?: MessageInitShape<typeof ArtefactsSchema>;
  } = {},
): Generation {
  const { state = GenerationState.COMPLETE, hasPoster = true, completeTracks = [], artefacts } = change;
  const complete = state === GenerationState.COMPLETE;
  return create(GenerationSchema, {
    id: newId('gen'),
    assetId,
    state,
    hasPoster,
    grid: { durationMs: BigInt(presentation.durationMs) },
    ...(artefacts && { artefacts }),
    tracks: presentation.tracks.map((track) => ({
      ...trackOf(track, complete || completeTracks.includes(track.name)),
      offered: change.offeredTracks?.includes(track.name) ?? false,
    })),
  });
}

function trackOf(
  track: Presentation['tracks'][number],
  complete: boolean,
): MessageInitShape<typeof TrackSchema> {
  const { name, codec, timescale, video, audio, text } = track;
  const kinds = { video: TrackKind.VIDEO, audio: TrackKind.AUDIO, text: TrackKind.TEXT };
  return {
    name,
    codec,
    timescale,
    complete,
    kind: kinds[track.kind],
    segments: track.segments.map(({ count, duration }) => ({ count, duration: BigInt(duration) })),
    peakBandwidthBps: BigInt(track.peakBandwidthBps),
    averageBandwidthBps: BigInt(track.averageBandwidthBps),
    ...(video && { video: { ...video, videoRange: video.videoRange ?? '' } }),
    ...(audio && { audio: { ...audio, group: audio.group ?? '' } }),
    ...(text && { text }),
  };
}

/** Makes the generation the one that plays. A new asset and playback ID unless one is given. */
export function publish(
  { catalog }: Pick<Edge, 'catalog'>,
  generation: Generation,
  options: { playbackId?: string; policy?: PlaybackPolicy; title?: string } = {},
): Published {
  const { playbackId = newId('pbk'), policy = PlaybackPolicy.PUBLIC, title = 'A film' } = options;
  const complete = generation.state === GenerationState.COMPLETE;
  catalog.generations.set(generation.id, generation);
  catalog.playbacks.set(playbackId, {
    playbackId: { id: playbackId, policy },
    asset: {
      id: generation.assetId,
      title,
      state: complete ? AssetState.READY : AssetState.PLAYABLE,
      activeGenerationId: generation.id,
    },
    generation,
  });
  return { assetId: generation.assetId, playbackId, generation, base: `/v/${playbackId}` };
}

/** Puts the files of some tracks, and the poster, where transcode would. */
export async function storeMedia(
  store: ObjectStore,
  directory: string,
  { assetId, id }: Pick<Generation, 'assetId' | 'id'>,
  tracks: readonly string[],
): Promise<void> {
  const prefix = `media/${assetId}/${id}`;
  for (const track of tracks) {
    const names = (await readdir(join(directory, track))).filter((name) => /\.(m4s|mp4)$/.test(name));
    for (const name of names)
      await store.put(`${prefix}/${track}/${name}`, await readFile(join(directory, track, name)));
  }
  await store.put(`${prefix}/images/poster.jpg`, Buffer.from('not looked at by the edge'));
}

/** The reason in a JSON failure. */
export function reasonOf({ body }: Answer): string {
  return JSON.parse(body.toString()).reason;
}
