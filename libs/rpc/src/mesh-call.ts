import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import {
  Code,
  ConnectError,
  type StreamRequest,
  type StreamResponse,
  type UnaryRequest,
  type UnaryResponse,
} from '@connectrpc/connect';
import type { Client, ClientDuplexStream, Metadata, StatusObject } from '@grpc/grpc-js';
import { errorOf, headersOf, metadataOf } from './mesh-metadata.ts';
import type { Wire } from './mesh-transport.ts';

/** Makes a unary call on a channel. Rejects with ConnectError. */
export function unaryCall<I extends DescMessage, O extends DescMessage>(
  client: Client,
  wire: Wire<MessageShape<I>, MessageShape<O>>,
  request: UnaryRequest<I, O>,
  deadline: number | undefined,
): Promise<UnaryResponse<I, O>> {
  return new Promise((resolve, reject) => {
    let header = new Headers();
    let message: MessageShape<O> | undefined;
    const call = client.makeUnaryRequest(
      wire.path,
      wire.serialize,
      wire.deserialize,
      request.message,
      metadataOf(request.header),
      callOptions(deadline),
      (_error, value) => {
        message = value;
      },
    );
    const release = cancelOnAbort(request.signal, () => call.cancel());
    call.on('metadata', (metadata: Metadata) => {
      header = headersOf(metadata);
    });
    // Comes after the callback, with the trailers.
    call.on('status', (status: StatusObject) => {
      release();
      const error = errorOf(status);
      if (error || message === undefined) {
        reject(error ?? new ConnectError('The server sent no message.', Code.Unimplemented));
        return;
      }
      const { service, method } = request;
      resolve({ stream: false, service, method, header, trailer: headersOf(status.metadata), message });
    });
  });
}

/** Makes a streaming call of any kind: on the wire they are the same. Rejects with ConnectError. */
export async function streamCall<I extends DescMessage, O extends DescMessage>(
  client: Client,
  wire: Wire<MessageShape<I>, MessageShape<O>>,
  request: StreamRequest<I, O>,
  deadline: number | undefined,
): Promise<StreamResponse<I, O>> {
  const call = client.makeBidiStreamRequest(
    wire.path,
    wire.serialize,
    wire.deserialize,
    metadataOf(request.header),
    callOptions(deadline),
  );
  // Every failure also is a status, which is what is read; a missing listener would end the process.
  call.on('error', () => undefined);
  const header = new Promise<Headers>((resolve) => {
    call.once('metadata', (metadata: Metadata) => resolve(headersOf(metadata)));
  });
  const trailer = new Headers();
  const status = new Promise<StatusObject>((resolve) => call.once('status', resolve));
  const release = cancelOnAbort(request.signal, () => call.cancel());
  const failedSending = sendAll(call, request.message, status).catch((error: unknown) => {
    call.cancel();
    return ConnectError.from(error);
  });
  /** Why the call ended: what the request's own iterable threw, before what the server made of it. */
  const ended = status.then(async (final) => {
    release();
    for (const [key, value] of headersOf(final.metadata)) trailer.append(key, value);
    const error = errorOf(final);
    if (!error) return;
    throw (error.code === Code.Canceled && (await failedSending)) || error;
  });
  ended.catch(() => undefined);

  const first = await Promise.race([header, ended]);
  const { service, method } = request;
  return {
    stream: true,
    service,
    method,
    header: first ?? new Headers(),
    trailer,
    message: receiveAll(call, ended),
  };
}

async function sendAll<I, O>(
  call: ClientDuplexStream<I, O>,
  messages: AsyncIterable<I>,
  status: Promise<StatusObject>,
): Promise<undefined> {
  let over = false;
  const end = status.then(() => {
    over = true;
  });
  for await (const message of messages) {
    if (over) return;
    if (call.write(message)) continue;
    await Promise.race([new Promise<void>((resolve) => call.once('drain', () => resolve())), end]);
  }
  if (!over) call.end();
}

/** grpc-js emits `error` itself, so an iterator that comes late would take a failed stream for a finished one. */
async function* receiveAll<I, O>(call: ClientDuplexStream<I, O>, ended: Promise<void>): AsyncGenerator<O> {
  let over = false;
  const end = ended.finally(() => {
    over = true;
  });
  end.catch(() => undefined);
  try {
    while (true) {
      const message: O | null = call.read();
      if (message !== null) {
        yield message;
        continue;
      }
      if (call.readableEnded || over) return await ended;
      const wake = Promise.withResolvers<void>();
      call.once('readable', wake.resolve);
      call.once('end', wake.resolve);
      try {
        await Promise.race([wake.promise, end.catch(() => undefined)]);
      } finally {
        call.off('readable', wake.resolve);
        call.off('end', wake.resolve);
      }
    }
  } finally {
    // Does nothing to a call that is over.
    call.cancel();
  }
}

function callOptions(deadline: number | undefined) {
  return deadline === undefined ? {} : { deadline };
}

function cancelOnAbort(signal: AbortSignal, cancel: () => void): () => void {
  if (signal.aborted) queueMicrotask(cancel);
  signal.addEventListener('abort', cancel, { once: true });
  return () => signal.removeEventListener('abort', cancel);
}
