import { setImmediate as nextTurn } from 'node:timers/promises';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type StreamUploadRequest,
  type StreamUploadResponseSchema,
  UploadMethod,
  UploadSpecSchema,
  UploadState,
} from '@kerkis/contracts/upload';
import { KerkisError, toKerkisError } from '@kerkis/errors';
import { interrupted } from '../domain/losses.ts';
import type { Session } from '../domain/session.ts';
import { checkedSpec } from '../domain/spec.ts';
import { sizeDeclared } from '../domain/transitions.ts';
import { uploadEmpty } from '../ending/end-if-empty.ts';
import { type FailSessionDependencies, failSession } from '../ending/fail-session.ts';
import type { Finisher } from '../ending/finisher.ts';
import { completedUpload } from '../ending/outcome.ts';
import type { ByteSink } from '../intake/byte-sink.ts';
import type { Writers } from '../intake/writers.ts';
import type { Observe } from '../observe.ts';
import { type OpenSessionDependencies, openSession } from '../open-session.ts';

/** What StreamUpload needs. */
export interface StreamUploadDependencies extends OpenSessionDependencies, FailSessionDependencies {
  readonly sessions: OpenSessionDependencies['sessions'] & FailSessionDependencies['sessions'];
  readonly observe: OpenSessionDependencies['observe'] & Pick<Observe, 'bytesReceived' | 'sessionEnded'>;
  readonly writers: Pick<Writers, 'write'>;
  readonly finisher: Pick<Finisher, 'finish'>;
}

/** The whole file in one call: what breaks cannot be resumed, so it ends the session. */
export async function streamUpload(
  dependencies: StreamUploadDependencies,
  requests: AsyncIterable<StreamUploadRequest>,
  signal: AbortSignal,
): Promise<MessageInitShape<typeof StreamUploadResponseSchema>> {
  const { writers, finisher, observe } = dependencies;
  const messages = requests[Symbol.asyncIterator]();
  const first = await messages.next();
  if (first.done || first.value.part.case !== 'start') throw startMissing();
  const { spec, sizeBytes } = first.value.part.value;
  const { upload } = await openSession(dependencies, {
    requestId: '',
    method: UploadMethod.STREAM,
    spec: checkedSpec(spec ?? create(UploadSpecSchema)),
    sizeBytes: sizeBytes === undefined ? undefined : Number(sizeBytes),
  });
  // Node's HTTP/2 client sends END_STREAM before RST_STREAM, so a cancelled call looks like a whole file at first. Hence a caller
  // who is gone before the answer ends the upload, even when all bytes seem to be here.
  const fail = (error: KerkisError) => failSession(dependencies, upload.id, error);
  const onAbort = () => void fail(interrupted()).catch(() => undefined);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await receive().catch(async (error: unknown) => {
      await fail(endOf(error));
      throw error;
    });
    return { upload: completedUpload(await finisher.finish(upload.id)) };
  } finally {
    signal.removeEventListener('abort', onAbort);
  }

  async function receive(): Promise<void> {
    const session = await writers.write(upload.id, {
      prepare: (current) => current,
      write: async (sink) => {
        await receiveAll(sink, messages);
        await nextTurn();
        if (signal.aborted) throw interrupted();
        const received = await close(sink);
        observe.bytesReceived(received, sink.receivedBytes());
        return received;
      },
    });
    if (session.upload.state !== UploadState.VERIFYING) throw sizeMismatch(session);
  }
}

async function receiveAll(sink: ByteSink, messages: AsyncIterator<StreamUploadRequest>): Promise<void> {
  for (;;) {
    const { done, value } = await messages.next();
    if (done) return;
    if (value.part.case !== 'chunk') throw startMissing();
    await sink.write(value.part.value);
  }
}

async function close(sink: ByteSink): Promise<Session> {
  const receivedBytes = sink.receivedBytes();
  if (receivedBytes === 0) throw uploadEmpty();
  return await sink.close((session) =>
    session.upload.sizeBytes < 0n ? sizeDeclared(session, receivedBytes, new Date()) : session,
  );
}

/** What the record says about a stream that broke. */
function endOf(caught: unknown): KerkisError {
  const error = toKerkisError(caught);
  if (!['cancelled', 'deadline', 'internal'].includes(error.kind)) return error;
  return interrupted();
}

function sizeMismatch({ upload }: Session): KerkisError {
  return new KerkisError(
    'invalid',
    'SIZE_MISMATCH',
    `The file was declared with ${upload.sizeBytes} bytes, but the stream had ${upload.offsetBytes}.`,
    { details: { declaredBytes: String(upload.sizeBytes), receivedBytes: String(upload.offsetBytes) } },
  );
}

function startMissing(): KerkisError {
  return new KerkisError(
    'invalid',
    'STREAM_START_MISSING',
    'Send `start` as the first message and only then, and `chunk` in all others.',
  );
}
