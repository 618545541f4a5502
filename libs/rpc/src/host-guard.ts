import type { IncomingMessage } from 'node:http';
import { isIPv4 } from 'node:net';
import { KerkisError } from '@kerkis/errors';

/**
 * Refuses requests that name another host than this machine's loopback. A server that asks nobody for a key is guarded by
 * its address alone, and a web page whose name is made to point at 127.0.0.1 (DNS rebinding) would get around that; its
 * requests still carry its own name. Throws `forbidden` HOST_REFUSED.
 */
export function requireLoopbackHost(req: Pick<IncomingMessage, 'headers'>): void {
  const authority = req.headers[':authority'] ?? req.headers.host ?? '';
  if (isLoopbackHost(String(authority))) return;
  throw new KerkisError(
    'forbidden',
    'HOST_REFUSED',
    'This server asks for no key and so answers to loopback names only. Call it by 127.0.0.1 or localhost, or set auth.mode: keys.',
  );
}

/** Whether the authority of a request names this machine's loopback, or nothing. */
export function isLoopbackHost(authority: string): boolean {
  const name = authority.replace(/:\d*$/, '').toLowerCase();
  return (
    name === '' ||
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '[::1]' ||
    (isIPv4(name) && name.startsWith('127.'))
  );
}
