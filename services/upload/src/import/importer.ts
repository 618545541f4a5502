import { UploadState } from '@kerkis/contracts/upload';
import { isKerkisError, KerkisError } from '@kerkis/errors';
import { extractContext, type ServiceTelemetry, withSpan } from '@kerkis/telemetry';
import { isPublicAddress } from '../domain/public-address.ts';
import { checkReceiving, type Session } from '../domain/session.ts';
import { importBegun, importDescribed, sizeDeclared } from '../domain/transitions.ts';
import { uploadEmpty } from '../ending/end-if-empty.ts';
import { type FailSessionDependencies, failSession } from '../ending/fail-session.ts';
import type { Finisher } from '../ending/finisher.ts';
import type { ByteSink } from '../intake/byte-sink.ts';
import { removeStored } from '../intake/stored-bytes.ts';
import { isLoss, type Writers } from '../intake/writers.ts';
import type { Observe } from '../observe.ts';
import type { SessionStore } from '../store/sessions.ts';
import { fetchSource, importError } from './fetch-source.ts';
import { createGuardedAgent } from './guarded-agent.ts';

/** What imports stand on. */
export interface ImporterDependencies extends FailSessionDependencies {
  readonly sessions: Pick<SessionStore, 'changeSession' | 'getSession'>;
  readonly writers: Pick<Writers, 'write'>;
  readonly finisher: Pick<Finisher, 'finish'>;
  readonly observe: Pick<Observe, 'bytesReceived' | 'sessionEnded'>;
  readonly telemetry: Pick<ServiceTelemetry, 'tracer' | 'logger'>;
  readonly limits: ImportLimits;
}

/** As configured under `upload.import`. */
interface ImportLimits {
  readonly timeoutMs: number;
  readonly maxRedirects: number;
  readonly allowPrivateAddresses: boolean;
  readonly maxSizeBytes: number;
}

/** Fetches sources in the background. Disposing breaks off what is under way: another replica begins it again. */
export interface Importer extends AsyncDisposable {
  /** Begins an import unless somebody is at it. */
  start(uploadId: string): void;
}

/** A source that takes the process down with it is not fetched for ever. */
const maxAttempts = 5;

export function createImporter(dependencies: ImporterDependencies): Importer {
  const stopping = new AbortController();
  const running = new Map<string, Promise<void>>();
  const { allowPrivateAddresses } = dependencies.limits;
  const agent = createGuardedAgent((address) => allowPrivateAddresses || isPublicAddress(address));

  async function run(uploadId: string): Promise<void> {
    const { sessions, telemetry, finisher, limits } = dependencies;
    const { trace } = await sessions.getSession(uploadId);
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(limits.timeoutMs)]);
    const settings = { parent: extractContext(trace), attributes: { 'kerkis.upload.id': uploadId } };
    try {
      await withSpan(telemetry.tracer, 'import source', settings, () => importSource(uploadId, signal));
    } catch (error) {
      if (stopping.signal.aborted || isLoss(error) || isBusy(error)) return;
      await failSession(dependencies, uploadId, importError(error, signal));
      return;
    }
    await finisher.finish(uploadId);
  }

  async function importSource(uploadId: string, signal: AbortSignal): Promise<void> {
    const { writers, objects, observe, limits } = dependencies;
    let stale: Session | undefined;
    const session = await writers.write(uploadId, {
      prepare(current) {
        if (current.attempts >= maxAttempts) throw interrupted();
        stale = current;
        return importBegun(current, new Date());
      },
      async write(sink) {
        if (stale) await removeStored(objects, stale);
        const url = new URL(stale?.importUrl ?? '');
        const source = await fetchSource(url, { ...limits, dispatcher: agent, signal });
        await receive(sink, source.body, limits.maxSizeBytes);
        const received = await sink.close((now) => {
          const whole = sizeDeclared(now, sink.receivedBytes(), new Date());
          return importDescribed(whole, source);
        });
        observe.bytesReceived(received, sink.receivedBytes());
        return received;
      },
    });
    if (session.upload.state !== UploadState.VERIFYING) checkReceiving(session);
  }

  return {
    start(uploadId) {
      if (stopping.signal.aborted || running.has(uploadId)) return;
      const work = run(uploadId)
        .catch((err: unknown) =>
          dependencies.telemetry.logger.warn({ err, uploadId }, 'import stopped, will be tried again'),
        )
        .finally(() => running.delete(uploadId));
      running.set(uploadId, work);
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await Promise.all(running.values());
      await agent.destroy();
    },
  };
}

async function receive(sink: ByteSink, body: AsyncIterable<Uint8Array>, maxSizeBytes: number): Promise<void> {
  for await (const chunk of body) {
    if (sink.receivedBytes() + chunk.length > maxSizeBytes) {
      throw new KerkisError(
        'too_large',
        'UPLOAD_TOO_LARGE',
        `At most ${maxSizeBytes} bytes may be imported.`,
        {
          details: { maxSizeBytes: String(maxSizeBytes) },
        },
      );
    }
    await sink.write(chunk);
  }
  if (sink.receivedBytes() === 0) throw uploadEmpty();
}

function isBusy(error: unknown): boolean {
  return isKerkisError(error) && error.reason === 'UPLOAD_BUSY';
}

function interrupted(): KerkisError {
  return new KerkisError(
    'unavailable',
    'IMPORT_INTERRUPTED',
    `The import was interrupted ${maxAttempts} times. Try again later, or upload the file instead.`,
  );
}
