import type { ConnectRouter, ServiceImpl } from '@connectrpc/connect';
import { AssetService, ProfileService } from '@kerkis/contracts/catalog';
import { UploadService } from '@kerkis/contracts/upload';
import { KerkisError } from '@kerkis/errors';
import { startTelemetry, type Telemetry } from '@kerkis/telemetry';
import { type FastHandler, type ServerOptions, type ServiceParts, startServer } from '../src/index.ts';

/** Collects what a test opened, and closes it in reverse order. */
export function createCleanup() {
  const stack = new AsyncDisposableStack();
  return {
    use: <T extends AsyncDisposable>(resource: T) => stack.use(resource),
    close: () => stack.disposeAsync(),
  };
}

/** An id of the right form. */
export const assetId = `ast_${'0'.repeat(32)}`;

/** What the handlers of the test server saw. */
interface Seen {
  readonly ended: string[];
  readonly receivedBytes: number[];
}

/** Telemetry that keeps its log lines. */
export function testTelemetry(otlpEndpoint?: string) {
  const lines: Record<string, unknown>[] = [];
  const telemetry = startTelemetry({
    serviceName: 'test',
    version: '0',
    sampleRatio: 1,
    logLevel: 'debug',
    otlpEndpoint,
    otlpProtocol: 'http/json',
    logStream: { write: (line) => lines.push(JSON.parse(line)) },
  });
  return { telemetry, lines };
}

/** A catalog and an upload service on a real port, real contracts, small handlers. */
export async function startTestServer(
  cleanup: ReturnType<typeof createCleanup>,
  options: Partial<ServerOptions> & { otlpEndpoint?: string; http?: ServiceParts['http'] } = {},
) {
  const { telemetry, lines } = testTelemetry(options.otlpEndpoint);
  cleanup.use(telemetry);
  const seen: Seen = { ended: [], receivedBytes: [] };
  const server = cleanup.use(
    await startServer({
      host: '127.0.0.1',
      port: 0,
      parts: [
        { ...catalogParts(telemetry, seen), fast: fastBytes },
        { ...uploadParts(telemetry, seen), http: options.http ?? [] },
      ],
      auth: 'off',
      telemetry,
      metricsHandler: telemetry.metricsHandler,
      drainMs: 2000,
      ...options,
    }),
  );
  return { ...server, telemetry, lines, seen, address: `127.0.0.1:${server.port}` };
}

/** `/fast/<n>`: n bytes from memory, whose value is their place. */
const fastBytes: FastHandler = ({ method, url }) => {
  const length = Number(/^\/fast\/(\d+)$/.exec(url)?.[1] ?? Number.NaN);
  if (Number.isNaN(length)) return undefined;
  const head = `HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n`;
  return method === 'GET' ? { head, body: fastBody.subarray(0, length) } : { head };
};

/** What `/fast/<n>` is the beginning of. */
export const fastBody = Buffer.from(Uint8Array.from({ length: 8 * 1024 * 1024 }, (_, index) => index % 251));

function catalogParts(telemetry: Telemetry, seen: Seen): ServiceParts {
  const profiles: Partial<ServiceImpl<typeof ProfileService>> = {
    getProfile: async ({ name }, { signal, requestHeader, responseHeader, responseTrailer }) => {
      if (name === 'missing') {
        throw new KerkisError('not_found', 'PROFILE_NOT_FOUND', 'There is no such profile.', {
          details: { name },
        });
      }
      if (name === 'boom') throw new Error('the password is hunter2');
      if (name === 'slow') {
        // On a busy machine the deadline may be over when the call gets here.
        signal.throwIfAborted();
        await new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason)),
        );
      }
      responseHeader.set('x-echo', requestHeader.get('x-echo') ?? '');
      responseHeader.set('x-echo-bin', requestHeader.get('x-echo-bin') ?? '');
      responseTrailer.set('x-trailer', 'last');
      return { profile: { name } };
    },
    updateProfile: ({ profile }) => (profile ? { profile } : {}),
    listProfiles: () => ({ profiles: [{ name: 'a'.repeat(64) }, { name: 'b' }] }),
  };
  const assets: Partial<ServiceImpl<typeof AssetService>> = {
    async *watchAsset({ assetId: id }, { signal }) {
      try {
        yield { asset: { id, title: 'one' } };
        yield { asset: { id, title: 'two' } };
        if (id.endsWith('1'))
          throw new KerkisError('precondition', 'ASSET_DELETED', 'The asset was deleted.');
        if (id.endsWith('2')) return;
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      } finally {
        seen.ended.push(id);
      }
    },
  };
  return {
    name: 'catalog',
    telemetry: telemetry.forService('catalog'),
    routes: (router: ConnectRouter) => {
      router.service(ProfileService, profiles);
      router.service(AssetService, assets);
    },
    readiness: [{ name: 'database', check: async () => undefined }],
  };
}

function uploadParts(telemetry: Telemetry, seen: Seen): ServiceParts {
  const uploads: Partial<ServiceImpl<typeof UploadService>> = {
    streamUpload: async (requests) => {
      let sizeBytes = 0;
      for await (const { part } of requests) if (part.case === 'chunk') sizeBytes += part.value.length;
      seen.receivedBytes.push(sizeBytes);
      return { upload: { sizeBytes: BigInt(sizeBytes) } };
    },
  };
  return {
    name: 'upload',
    telemetry: telemetry.forService('upload'),
    routes: (router: ConnectRouter) => {
      router.service(UploadService, uploads);
    },
  };
}
