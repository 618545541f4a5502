import type { IncomingMessage, ServerResponse } from 'node:http';
import { cors } from '@connectrpc/connect';

const headers = [...cors.allowedHeaders, 'authorization', 'traceparent', 'tracestate'].join(', ');

/**
 * Lets pages of other origins make RPCs. The returned function sets the headers of an RPC's answer, and answers a preflight
 * itself and says true. Plain HTTP handlers decide for themselves.
 */
export function corsOf(
  allowedOrigins: readonly string[],
): (req: IncomingMessage, res: ServerResponse, isRpc: boolean) => boolean {
  return (req, res, isRpc) => {
    const { origin } = req.headers;
    if (!isRpc || origin === undefined) return false;
    const allowed = allowedOrigins.includes('*') ? '*' : allowedOrigins.find((it) => it === origin);
    res.setHeader('vary', 'origin');
    if (allowed !== undefined) {
      res.setHeader('access-control-allow-origin', allowed);
      res.setHeader('access-control-expose-headers', cors.exposedHeaders.join(', '));
    }
    if (req.method !== 'OPTIONS') return false;
    if (allowed !== undefined) {
      res.setHeader('access-control-allow-methods', cors.allowedMethods.join(', '));
      res.setHeader('access-control-allow-headers', headers);
      res.setHeader('access-control-max-age', '7200');
    }
    res.writeHead(204).end();
    return true;
  };
}
