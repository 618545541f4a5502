import type { ServerResponse } from 'node:http';
import { type KerkisError, toKerkisError } from '@kerkis/errors';
import type { HttpHandler, ReadinessCheck, ServiceParts } from './service-parts.ts';

const checkTimeoutMs = 5000;

/** `/healthz`: the process is alive, whatever it depends on. */
export const healthz: HttpHandler = (req, res) => {
  if (pathOf(req) !== '/healthz') return false;
  sendJson(res, 200, { status: 'alive' });
  return true;
};

/** `/readyz`: each dependency of each service; 503 while one fails or the server drains. */
export function readyz(parts: readonly ServiceParts[], isDraining: () => boolean): HttpHandler {
  return async (req, res) => {
    if (pathOf(req) !== '/readyz') return false;
    const checks = await Promise.all(
      parts.flatMap(({ name, readiness = [], telemetry }) =>
        readiness.map(async (it) => ({ service: name, ...(await outcome(it, telemetry.logger)) })),
      ),
    );
    const draining = isDraining();
    const ready = !draining && checks.every(({ ok }) => ok);
    sendJson(res, ready ? 200 : 503, { ready, ...(draining ? { draining } : {}), checks });
    return true;
  };
}

/** A failure as JSON, its HTTP status by its kind. After the first byte only the connection can be cut. */
export function sendHttpError(res: ServerResponse, caught: unknown): KerkisError {
  const error = toKerkisError(caught);
  if (res.headersSent) {
    res.destroy(error);
    return error;
  }
  const { kind, reason, message, details, violations, mapping } = error;
  if (kind === 'unauthenticated') res.setHeader('www-authenticate', 'Bearer');
  if (kind === 'unavailable') res.setHeader('retry-after', '2');
  sendJson(res, mapping.httpStatus, { kind, reason, message, details, violations });
  return error;
}

/** Path of a request without its query. */
export function pathOf(req: { readonly url?: string | undefined }): string {
  return req.url?.split('?', 1)[0] ?? '';
}

/** Answers with a JSON body that no cache keeps. */
export function sendJson(res: ServerResponse, status: number, body: unknown): void {
  const text = `${JSON.stringify(body)}\n`;
  res.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  });
  res.end(text);
}

async function outcome(
  { name, check }: ReadinessCheck,
  logger: { warn(facts: object, text: string): void },
): Promise<{ name: string; ok: boolean; reason?: string }> {
  const signal = AbortSignal.timeout(checkTimeoutMs);
  const timeout = Promise.withResolvers<never>();
  const onTimeout = () => timeout.reject(new Error(`no answer within ${checkTimeoutMs} ms`));
  signal.addEventListener('abort', onTimeout);
  try {
    await Promise.race([check(signal), timeout.promise]);
    return { name, ok: true };
  } catch (error) {
    logger.warn({ err: error, check: name }, 'not ready');
    // Whoever may ask is not known: the log has the driver's own words, which may name hosts and users.
    return { name, ok: false, reason: toKerkisError(error).reason };
  } finally {
    signal.removeEventListener('abort', onTimeout);
  }
}
