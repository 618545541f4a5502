import { lookup as resolve } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { KerkisError } from '@kerkis/errors';
import { Agent, buildConnector } from 'undici';

const connectTimeoutMs = 10_000;
const idleTimeoutMs = 30_000;

/**
 * Connects to allowed addresses only. Names are resolved here and only what passed is connected
 * to, so a name that resolves differently the next time gains nothing; the address of the open socket is looked at once more.
 */
export function createGuardedAgent(isAllowed: (address: string) => boolean): Agent {
  const open = buildConnector({ timeout: connectTimeoutMs, lookup: guardedLookup(isAllowed) });
  return new Agent({
    headersTimeout: idleTimeoutMs,
    bodyTimeout: idleTimeoutMs,
    maxHeaderSize: 16 * 1024,
    pipelining: 0,
    connect(options, callback) {
      const host = options.hostname.replace(/^\[|\]$/g, '');
      // An address is connected to without a look-up.
      if (isIP(host) && !isAllowed(host)) return callback(addressRefused(), null);
      open(options, (error, socket) => {
        if (error) return callback(error, null);
        if (!socket || isAllowed(socket.remoteAddress ?? '')) return callback(null, socket as never);
        socket.destroy();
        callback(addressRefused(), null);
      });
    },
  });
}

function guardedLookup(isAllowed: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, '', 0);
      const allowed = found.filter(({ address }) => isAllowed(address));
      const [first] = allowed;
      if (!first) return callback(addressRefused(), '', 0);
      if (options.all) callback(null, allowed as never);
      else callback(null, first.address, first.family);
    });
  };
}

function addressRefused(): KerkisError {
  return new KerkisError(
    'invalid',
    'IMPORT_ADDRESS_REFUSED',
    'The host of the URL is not on the public Internet. Upload the file instead, or allow upload.import.allowPrivateAddresses.',
  );
}
