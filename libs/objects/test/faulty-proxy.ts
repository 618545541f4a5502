import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a fault may do with a request: answer it, or pass it on and change the answer. */
type Fault = (
  incoming: IncomingMessage,
  response: ServerResponse,
  pass: () => Promise<IncomingMessage>,
) => Promise<boolean> | boolean;

/** A proxy before a real S3 server that behaves as other servers do, or as a bad network. */
export interface FaultyProxy extends AsyncDisposable {
  readonly endpoint: string;
  /** Sees each request first; true when it answered. */
  fault: Fault;
  /** Bytes of request bodies that arrived. */
  readonly receivedBytes: () => number;
  readonly mostConnections: () => number;
  readonly requests: () => number;
}

/** Starts a proxy that passes everything on until a fault is set. */
export async function startFaultyProxy(target: string): Promise<FaultyProxy> {
  let receivedBytes = 0;
  let requests = 0;
  let connections = 0;
  let mostConnections = 0;
  const { hostname, port } = new URL(target);

  const server = createServer(async (incoming, response) => {
    requests += 1;
    const pass = () =>
      new Promise<IncomingMessage>((resolve, reject) => {
        const { method, url, headers } = incoming;
        const outgoing = request({ hostname, port, method, path: url, headers }, resolve);
        outgoing.on('error', reject);
        incoming.on('data', (chunk) => {
          receivedBytes += chunk.length;
        });
        incoming.on('close', () => incoming.complete || outgoing.destroy());
        incoming.pipe(outgoing);
      });
    try {
      if (await proxy.fault(incoming, response, pass)) return;
      const answer = await pass();
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    } catch {
      response.destroy();
    }
  });
  server.on('connection', (socket) => {
    connections += 1;
    mostConnections = Math.max(mostConnections, connections);
    socket.on('close', () => {
      connections -= 1;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: FaultyProxy = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fault: () => false,
    receivedBytes: () => receivedBytes,
    mostConnections: () => mostConnections,
    requests: () => requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

/** Answers with an S3 error. */
export function refuse(
  incoming: IncomingMessage,
  response: ServerResponse,
  status: number,
  code: string,
): true {
  incoming.resume();
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(
    `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>no</Message></Error>`,
  );
  return true;
}
