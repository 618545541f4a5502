import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isKerkisError } from '@kerkis/errors';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fetchSource } from './fetch-source.ts';
import { createGuardedAgent } from './guarded-agent.ts';

// On Linux all of 127.0.0.0/8 is this machine: one address plays the public Internet, another the inner network.
const outside = '127.0.0.1';
const inside = '127.0.0.2';

const hits: string[] = [];
const server = createServer((req, res) => {
  hits.push(`${req.socket.localAddress}${req.url}`);
  if (req.url === '/inwards') res.writeHead(302, { location: `http://${inside}:${port}/secret` });
  res.end('bytes');
});
let port: number;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function outcome(url: string, isAllowed: (address: string) => boolean): Promise<string> {
  const dispatcher = createGuardedAgent(isAllowed);
  const options = { dispatcher, maxRedirects: 2, maxSizeBytes: 1000, signal: AbortSignal.timeout(5000) };
  try {
    const { body } = await fetchSource(new URL(url), options);
    return String(Buffer.concat(await Array.fromAsync(body)));
  } catch (error) {
    return isKerkisError(error) ? error.reason : String(error);
  } finally {
    await dispatcher.destroy();
  }
}

test('every redirect is checked when it is connected to', async () => {
  const onlyOutside = (address: string) => address === outside;
  expect(await outcome(`http://${outside}:${port}/inwards`, onlyOutside)).toBe('IMPORT_ADDRESS_REFUSED');
  expect(hits.splice(0)).toEqual([`${outside}/inwards`]);
  expect(await outcome(`http://${outside}:${port}/inwards`, () => true)).toBe('bytes');
  expect(hits.splice(0)).toEqual([`${outside}/inwards`, `${inside}/secret`]);
});

test('a name counts as the address that it resolves to', async () => {
  expect(await outcome(`http://localhost:${port}/`, () => false)).toBe('IMPORT_ADDRESS_REFUSED');
  expect(hits).toEqual([]);
  expect(await outcome(`http://localhost:${port}/`, (address) => address === outside)).toBe('bytes');
});
