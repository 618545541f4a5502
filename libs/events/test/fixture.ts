import { UploadFailedSchema } from '@kerkis/contracts/upload/events';
import type { OutboxEntry } from '@kerkis/documents';
import { type NatsServer, startNats } from '@kerkis/testing';
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { connectEvents, type EventBus, ensureStreams, event } from '../src/index.ts';
import { publish } from '../src/publish.ts';

/** Every test of this lib runs on the oldest and on a current server. */
export const natsVersions = ['debian', 'current'] as const;

/** One version of the server. */
export type NatsVersion = (typeof natsVersions)[number];

/** A server of its own and clients on it; spans of all clients end up in `spans`. */
export interface Mesh extends AsyncDisposable {
  readonly nats: NatsServer;
  readonly spans: InMemorySpanExporter;
  readonly bus: EventBus;
  /** Another connection, as of another process. */
  connect(name: string): Promise<EventBus>;
}

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

/** Starts a server, connects and sets up the streams. */
export async function startMesh(version: NatsVersion, taskAckWaitMs = 30_000): Promise<Mesh> {
  await using stack = new AsyncDisposableStack();
  const nats = stack.use(await startNats({ version }));
  const spans = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spans })] });
  const connect = async (name: string) => {
    const tracer = provider.getTracer(name);
    const bus = resources.use(await connectEvents({ url: nats.url, name, tracer }));
    await ensureStreams(bus, { taskAckWaitMs });
    return bus;
  };
  const resources = stack.move();
  const bus = await connect('test');
  return { nats, spans, bus, connect, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

/** An event as a service makes it. */
export function uploadFailed(uploadId: string): OutboxEntry {
  return event(UploadFailedSchema, { uploadId }, { subjectId: uploadId, source: 'upload' });
}

/** Publishes an event without the outbox. */
export async function send(bus: EventBus, entry: OutboxEntry): Promise<void> {
  const { id, subject, headers } = entry;
  await publish(bus, { id, subject, destination: subject, data: Buffer.from(entry.data, 'base64'), headers });
}
