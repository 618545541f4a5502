import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { observeCall } from './call-observer.ts';
import { toConnectError } from './error-mapping.ts';

const nothing = () => undefined;

/** Turns everything that a handler throws, also in mid-stream, into the error that the client may see. */
export function errorInterceptor(): Interceptor {
  return (next) => (request) =>
    observeCall(next, request, {
      run: (step) => step(),
      failed: (error) => toConnectError(error, request.signal),
      succeeded: nothing,
      abandoned: nothing,
    });
}

/**
 * Ends server streams when their caller goes away or when the server drains, whether or not the handler listens to its
 * signal. Without it a watch without events would hold up the end of the process.
 */
export function streamEndInterceptor(drain: AbortSignal): Interceptor {
  return (next) => async (request) => {
    const { methodKind } = request.method;
    // A client stream is somebody's upload: it may finish within the drain time.
    if (!request.stream || methodKind === 'client_streaming') return next(request);
    const signal = AbortSignal.any([request.signal, drain]);
    const response = await next({ ...request, signal });
    return response.stream ? { ...response, message: untilAborted(response.message, signal) } : response;
  };
}

async function* untilAborted<T>(messages: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = messages[Symbol.asyncIterator]();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  aborted.catch(nothing);
  const onAbort = () => reject(ConnectError.from(signal.reason, Code.Canceled));
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  try {
    while (true) {
      const result = await Promise.race([iterator.next(), aborted]);
      // A watcher that returns because of the abort did not come to its end: its caller shall ask again.
      if (signal.aborted) await aborted;
      if (result.done) return;
      yield result.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Not awaited: a handler that hangs must not hang its server. Its failure has been answered already.
    Promise.resolve(iterator.return?.()).catch(nothing);
  }
}
