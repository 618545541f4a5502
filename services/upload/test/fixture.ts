import { join } from 'node:path';
import { create, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { type Client, ConnectError, createClient, createRouterTransport } from '@connectrpc/connect';
import { parseConfig } from '@kerkis/config';
import { type Asset, AssetSchema, AssetService, AssetState } from '@kerkis/contracts/catalog';
import { AssetDeletionRequestedSchema } from '@kerkis/contracts/catalog/events';
import { UploadService } from '@kerkis/contracts/upload';
import {
  SourceDeletedSchema,
  UploadCompletedSchema,
  UploadFailedSchema,
} from '@kerkis/contracts/upload/events';
import { KerkisError } from '@kerkis/errors';
import { consume, event, startRelay } from '@kerkis/events';
import { idForRequest, newId } from '@kerkis/ids';
import { openResources } from '@kerkis/mesh';
import type { ObjectStore } from '@kerkis/objects';
import { createMeshTransport, fromConnectError, startServer, toConnectError } from '@kerkis/rpc';
import { startTelemetry } from '@kerkis/telemetry';
import { startNats, tempDir } from '@kerkis/testing';
import { startUpload, type UploadPace } from '../src/service.ts';
import { sessionStore } from '../src/store/sessions.ts';

/** Quick enough for tests. */
const quickPace: UploadPace = {
  reconcileMs: 150,
  staleMs: 400,
  leaseMs: 1500,
  orphanMs: 0,
  sweepMs: 3_600_000,
};

/** What is different from a service on a directory with usual settings. */
export interface FixtureOptions {
  /** More configuration, as YAML. */
  readonly config?: string;
  /** Directory of the objects. */
  readonly directory?: string;
  readonly pace?: Partial<UploadPace>;
}

/** The upload service on real NATS, SQLite and storage; only the catalog is played by the test. */
export type Fixture = Awaited<ReturnType<typeof startFixture>>;

export async function startFixture({ config: more = '', pace, ...options }: FixtureOptions = {}) {
  const stack = new AsyncDisposableStack();
  const nats = stack.use(await startNats());
  const home = stack.use(await tempDir('upload'));
  const directory = options.directory ?? join(home.path, 'objects');
  const storage = more.includes('storage:') ? '' : `storage: { directory: ${directory} }\n`;
  const config = parseConfig(`dataDirectory: ${home.path}\n${storage}${more}`);
  const telemetry = stack.use(
    startTelemetry({ serviceName: 'upload', version: '0', ...config.telemetry, logLevel: 'fatal' }),
  );
  const catalog = playedCatalog();
  const open = () =>
    openResources({ config, telemetry, environment: {}, processName: 'test', natsUrl: nats.url });

  async function serve() {
    const own = new AsyncDisposableStack();
    const resources = own.use(await open());
    const client = () => createClient(AssetService, catalog.transport) as never;
    const mesh = { ...resources.meshFor('upload'), client };
    const service = own.use(await startUpload(mesh, { ...quickPace, ...pace }));
    const server = own.use(
      await startServer({
        host: '127.0.0.1',
        port: 0,
        parts: [service.parts],
        auth: resources.auth,
        telemetry,
        metricsHandler: telemetry.metricsHandler,
        drainMs: 300,
      }),
    );
    const transport = own.use(createMeshTransport({ address: `127.0.0.1:${server.port}` }));
    const uploads: Client<typeof UploadService> = createClient(UploadService, transport);
    return { url: server.url, uploads, [Symbol.asyncDispose]: () => own.disposeAsync() };
  }

  const others = stack.use(await open());
  const mesh = others.meshFor('test');
  const outbox = (await mesh.database()).collection<{ id: string }>({ name: 'others', indexes: {} });
  const relay = stack.use(startRelay({ bus: mesh.bus, collections: [outbox] }));
  const heard = <S extends DescMessage>(schema: S): MessageShape<S>[] => {
    const messages: MessageShape<S>[] = [];
    const handler = async (message: MessageShape<S>) => void messages.push(message);
    stack.use(consume(mesh.bus, { schema, durable: `test-${schema.name}`, handler }));
    return messages;
  };
  const completed = heard(UploadCompletedSchema);
  const failed = heard(UploadFailedSchema);
  const deleted = heard(SourceDeletedSchema);
  const objects: ObjectStore = await mesh.objects();
  const sessions = sessionStore(await mesh.database(), { staleMs: 0, keepFailedMs: 0 });
  let service = await serve();
  stack.defer(() => service[Symbol.asyncDispose]());

  return {
    catalog,
    completed,
    failed,
    deleted,
    objects,
    directory,
    bus: mesh.bus,
    /** The record, to put it as a process that died would have left it. */
    sessions,
    get url() {
      return service.url;
    },
    get uploads() {
      return service.uploads;
    },
    /** A second replica on the same record and storage. */
    serve,
    /** Ends the service and starts it anew. */
    async restart() {
      await service[Symbol.asyncDispose]();
      service = await serve();
    },
    /** The catalog asks for a deletion. */
    async requestDeletion(assetId: string) {
      const entry = event(AssetDeletionRequestedSchema, { assetId }, { subjectId: assetId, source: 'test' });
      await outbox.insert({ id: newId('evt') }, [entry]);
      await relay.flush();
    },
    /** Everything that is in storage: objects, and multipart uploads in brackets. */
    async stored(prefix = 'sources/'): Promise<string[]> {
      const keys: string[] = [];
      for await (const { key } of objects.list(prefix)) keys.push(key);
      for await (const { key } of objects.listMultiparts(prefix)) keys.push(`[${key}]`);
      return keys;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** An asset service that remembers what it was asked for. The network is not the subject here. */
function playedCatalog() {
  const assets = new Map<string, Asset>();
  const refused = { profile: 'no-such-profile' };
  const transport = createRouterTransport((router) => {
    router.service(AssetService, {
      createAsset({ requestId, title, metadata, profile, playbackPolicy: policy }) {
        if (profile === refused.profile) {
          throw toConnectError(
            new KerkisError('not_found', 'PROFILE_NOT_FOUND', 'There is no such profile.'),
          );
        }
        const id = idForRequest('ast', requestId);
        const playbackIds = [{ id: idForRequest('pbk', requestId), policy }];
        const made = { id, state: AssetState.CREATED, title, metadata, profile, playbackIds };
        const asset = assets.get(id) ?? create(AssetSchema, made);
        assets.set(id, asset);
        return { asset };
      },
      getAsset({ assetId }) {
        const asset = assets.get(assetId);
        if (asset) return { asset };
        throw toConnectError(new KerkisError('not_found', 'ASSET_NOT_FOUND', 'There is no such asset.'));
      },
    });
  });
  return { assets, transport };
}

/** Reason of the error that a call ends with. */
export async function reasonOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => new Error('the call went well'),
    (caught: unknown) => caught,
  );
  return fromConnectError(ConnectError.from(error)).reason;
}

/** Bytes that do not repeat. */
export function someBytes(sizeBytes: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  let state = seed * 2654435761;
  for (let index = 0; index + 4 <= sizeBytes; index += 4) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes.writeUInt32LE(state, index);
  }
  return bytes;
}
