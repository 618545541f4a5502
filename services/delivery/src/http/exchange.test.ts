import { EventEmitter, once } from 'node:events';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { whenGone } from './exchange.ts';

type Serve = (req: IncomingMessage, res: ServerResponse) => void;

const versions = {
  'HTTP/1.1': async (serve: Serve) => {
    const server = createServer(serve).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const request = get({ port, host: '127.0.0.1' }).on('error', () => undefined);
    return { leave: () => void request.destroy(), close: () => void server.close() };
  },
  'HTTP/2': async (serve: Serve) => {
    const server = createHttp2Server(serve as never).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const request = client.request().on('error', () => undefined);
    const close = () => {
      client.destroy();
      server.close();
    };
    return { leave: () => request.close(8), close };
  },
};

test.each(['HTTP/1.1', 'HTTP/2'] as const)(
  'who goes away on %s is gone for those who wait, and for those who ask only then',
  async (version) => {
    const asked = new EventEmitter<{ request: [ServerResponse] }>();
    const { leave, close } = await versions[version]((_, res) => void asked.emit('request', res));
    const [res] = (await once(asked, 'request')) as [ServerResponse];
    const waiting = whenGone({ res });
    expect(waiting.aborted).toBe(false);
    leave();
    await once(waiting, 'abort');
    expect(whenGone({ res }).aborted).toBe(true);
    close();
  },
);
