import type { DescMethod } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { ConnectError, createContextKey, type HandlerContext } from '@connectrpc/connect';
import type { Principal, Verifier } from './api-key.ts';
import { describe, toConnectError } from './error-mapping.ts';

/** Context key of the caller: `context.values.get(principalKey)`. Undefined for open services and with auth off. */
export const principalKey = createContextKey<Principal | undefined>(undefined, {
  description: 'caller of this RPC',
});

/** Set by the outermost interceptor: from there on it reports how the call ends. */
export const observedKey = createContextKey(false, { description: 'an interceptor saw this call' });

/** The scope that a method needs: `<service>:read` if it declares to have no side effects, else `<service>:write`. */
export function requiredScope(method: DescMethod): string {
  const [, service] = method.parent.typeName.split('.');
  const reads = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  return `${service}:${reads ? 'read' : 'write'}`;
}

/**
 * Runs before the body of a call is read. Refuses callers who may not make it, so that nothing of theirs is parsed; and
 * reports to `onRefused` calls that end before any interceptor sees them: refused here, not decodable, too large.
 */
export function createGate(options: {
  readonly auth: Verifier | 'off';
  readonly onRefused: (context: HandlerContext, error: ConnectError) => void;
}): (context: HandlerContext) => Promise<void> {
  const { auth, onRefused } = options;
  return async (context) => {
    context.signal.addEventListener('abort', () => {
      const { reason } = context.signal;
      if (context.values.get(observedKey) || !(reason instanceof ConnectError)) return;
      // The same object is written to the client after this: it gets a reason here, as no interceptor will add one.
      describe(reason);
      onRefused(context, reason);
    });
    if (auth === 'off' || isOpen(context.method)) return;
    try {
      const principal = await auth.verify(
        context.requestHeader.get('authorization') ?? undefined,
        requiredScope(context.method),
      );
      context.values.set(principalKey, principal);
    } catch (error) {
      throw toConnectError(error);
    }
  };
}

/** Health and reflection are for probes and tools, which carry no key. */
export function isOpen(method: DescMethod): boolean {
  return method.parent.typeName.startsWith('grpc.');
}
