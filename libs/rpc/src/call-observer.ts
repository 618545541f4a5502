import type { Interceptor } from '@connectrpc/connect';

type Next = Parameters<Interceptor>[0];
type Request = Parameters<Next>[0];
type Response = Awaited<ReturnType<Next>>;

/** What wraps a call from its start to its end. */
export interface CallObserver {
  /** Runs each step of the call, e.g. inside a span. */
  run<T>(step: () => T): T;
  /** Called once when the call is over, for a stream after its last message. Returns what is thrown in place of `error`. */
  failed(error: unknown): unknown;
  succeeded(): void;
  /** The reader stopped before the end of the stream. */
  abandoned(): void;
}

/**
 * Runs a call under an observer. A try/catch in an interceptor misses what a stream throws after its headers, so the
 * messages are wrapped as well.
 */
export async function observeCall(next: Next, request: Request, observer: CallObserver): Promise<Response> {
  let response: Response;
  try {
    response = await observer.run(() => next(request));
  } catch (error) {
    throw observer.failed(error);
  }
  if (response.stream) return { ...response, message: observeMessages(response.message, observer) };
  observer.succeeded();
  return response;
}

function observeMessages<T>(messages: AsyncIterable<T>, observer: CallObserver): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = observer.run(() => messages[Symbol.asyncIterator]());
      let over = false;
      const end = (report: () => void) => {
        if (!over) report();
        over = true;
      };
      return {
        async next() {
          try {
            const result = await observer.run(() => iterator.next());
            if (result.done) end(() => observer.succeeded());
            return result;
          } catch (error) {
            let thrown = error;
            end(() => {
              thrown = observer.failed(error);
            });
            throw thrown;
          }
        },
        async return(value) {
          end(() => observer.abandoned());
          return (await observer.run(() => iterator.return?.(value))) ?? { done: true, value };
        },
      };
    },
  };
}
