import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { type Client, createClient } from '@connectrpc/connect';
import { parseConfig } from '@kerkis/config';
import { JobService, SegmentService } from '@kerkis/contracts/transcode';
import { consume, event, startRelay } from '@kerkis/events';
import { newId } from '@kerkis/ids';
import { type Mesh, openResources } from '@kerkis/mesh';
import type { ObjectStore } from '@kerkis/objects';
import { createMeshTransport, startServer } from '@kerkis/rpc';
import { startTelemetry } from '@kerkis/telemetry';
import { startNats, tempDir } from '@kerkis/testing';
import { startTranscode } from '../src/service.ts';
import { type ChunkStore, chunkStore } from '../src/store/chunks.ts';
import { type JobStore, jobStore } from '../src/store/jobs.ts';

/** Transcode in both roles, on NATS, SQLite and a directory of its own, as a test sees it. */
export interface TranscodeMesh extends AsyncDisposable {
  readonly directory: string;
  readonly mesh: Mesh;
  readonly objects: ObjectStore;
  /** What it has recorded. */
  readonly stores: { readonly jobs: JobStore; readonly chunks: ChunkStore };
  /** Clients over HTTP. */
  readonly jobs: Client<typeof JobService>;
  readonly segments: Client<typeof SegmentService>;
  /** Publishes an event of somebody else. */
  tell<S extends DescMessage>(schema: S, message: MessageInitShape<S>): Promise<void>;
  /** Calls `handler` with each event of a type from now on. */
  hear<S extends DescMessage>(schema: S, handler: (message: MessageShape<S>) => void): void;
}

/** Starts it; `planner` are settings below `transcode.planner`. */
export async function startTranscodeMesh(planner: object = {}): Promise<TranscodeMesh> {
  await using stack = new AsyncDisposableStack();
  const nats = stack.use(await startNats());
  const directory = stack.use(await tempDir()).path;
  const config = parseConfig(
    JSON.stringify({
      dataDirectory: directory,
      transcode: { planner: { chunkSeconds: 2, ...planner }, worker: { slots: 2, niceness: 0 } },
    }),
  );
  const telemetry = stack.use(
    startTelemetry({ serviceName: 'transcode', version: '0', ...config.telemetry, logLevel: 'silent' }),
  );
  const resources = stack.use(
    await openResources({ config, telemetry, environment: {}, processName: 'test', natsUrl: nats.url }),
  );
  const mesh = resources.meshFor('transcode');
  const [database, objects] = await Promise.all([mesh.database(), mesh.objects()]);
  const service = stack.use(await startTranscode(mesh, { reconcileMs: 300, staleMs: 2_000, drainMs: 500 }));
  const server = stack.use(
    await startServer({
      ...{ host: '127.0.0.1', port: 0, parts: [service.parts], auth: 'off', telemetry, drainMs: 500 },
      metricsHandler: telemetry.metricsHandler,
    }),
  );
  const transport = stack.use(createMeshTransport({ address: `127.0.0.1:${server.port}` }));
  const outbox = database.collection<{ id: string }>({ name: 'others', indexes: {} });
  const relay = stack.use(startRelay({ bus: mesh.bus, collections: [outbox] }));

  const parts = stack.move();
  return {
    directory,
    mesh,
    objects,
    stores: { jobs: jobStore(database), chunks: chunkStore(database) },
    jobs: createClient(JobService, transport),
    segments: createClient(SegmentService, transport),
    async tell(schema, message) {
      const entry = event(schema, message, { subjectId: 'test', source: 'test' });
      await outbox.insert({ id: newId('evt') }, [entry]);
      await relay.flush();
    },
    hear(schema, handler) {
      const heard = async (message: MessageShape<typeof schema>) => handler(message);
      parts.use(consume(mesh.bus, { schema, durable: `test-${schema.name}`, handler: heard }));
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
