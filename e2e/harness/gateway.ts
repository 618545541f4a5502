import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';

/** Where the services of a mesh listen. */
export interface GatewayTargets {
  catalog: number;
  upload: number;
  transcode: number;
  delivery: number;
}

/** One address for all services. */
export interface Gateway extends AsyncDisposable {
  readonly url: string;
}

/** The routes of deploy/Caddyfile over HTTP/1.1: services by path, delivery for all the rest. */
export async function startGateway(targets: GatewayTargets): Promise<Gateway> {
  const agent = new Agent({ keepAlive: true });
  const server = createServer((incoming, answer) => {
    const port = targets[serviceOf(incoming.url ?? '/')];
    forward(incoming, answer, port, agent).catch(() => answer.destroy());
  });
  server.requestTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await once(server, 'close');
    },
  };
}

function serviceOf(path: string): keyof GatewayTargets {
  if (path.startsWith('/upload/')) return 'upload';
  const [, name] = /^\/kerkis\.(catalog|upload|transcode|delivery)\./.exec(path) ?? [];
  return (name ?? 'delivery') as keyof GatewayTargets;
}

async function forward(
  incoming: IncomingMessage,
  answer: ServerResponse,
  port: number,
  agent: Agent,
): Promise<void> {
  const { method, url: path, headers } = incoming;
  const outgoing = request({ host: '127.0.0.1', port, method, path, headers, agent });
  answer.once('close', () => outgoing.destroy());
  const sending = pipeline(incoming, outgoing);
  // An answer may come before the request was sent in full.
  sending.catch(() => {});
  let upstream: IncomingMessage;
  try {
    [upstream] = (await once(outgoing, 'response')) as [IncomingMessage];
  } catch {
    answer.writeHead(502).end();
    return;
  }
  answer.writeHead(upstream.statusCode ?? 502, upstream.rawHeaders);
  answer.flushHeaders();
  await pipeline(upstream, answer);
}
