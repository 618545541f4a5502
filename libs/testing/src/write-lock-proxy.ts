import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A server in front of a MongoDB wire server. */
export interface WriteLockProxy extends AsyncDisposable {
  /** Where it listens, on loopback. */
  readonly port: number;
}

/**
 * Forwards the MongoDB wire protocol and lets one write command through at a time.
 *
 * FerretDB 1.24 reads, changes and writes back a document in separate steps, so two conditional updates at once may both
 * succeed. MongoDB promises that each is atomic; behind this proxy FerretDB keeps the promise too.
 */
export async function startWriteLockProxy(targetPort: number): Promise<WriteLockProxy> {
  const sockets = new Set<Socket>();
  const lock = createLock();
  const server = createServer((client) => {
    const upstream = connect({ host: '127.0.0.1', port: targetPort, noDelay: true });
    client.setNoDelay(true);
    const both = [client, upstream];
    const close = () => {
      for (const socket of both) {
        socket.destroy();
        sockets.delete(socket);
      }
    };
    for (const socket of both) {
      sockets.add(socket);
      // Which side failed is seen by the other as a closed connection, as without the proxy.
      socket.on('error', close).on('close', close);
    }
    forward(client, upstream, lock).then(close, close);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

type Lock = <R>(task: () => Promise<R>) => Promise<R>;

function createLock(): Lock {
  let tail: Promise<unknown> = Promise.resolve();
  return (task) => {
    const result = tail.then(task, task);
    tail = result.catch(() => {});
    return result;
  };
}

async function forward(client: Socket, upstream: Socket, lock: Lock): Promise<void> {
  const replies = messages(upstream);
  for await (const request of messages(client)) {
    const exchange = async () => {
      upstream.write(request);
      if (!expectsReply(request)) return;
      const reply = await replies.next();
      if (reply.done) throw new Error('The server closed the connection.');
      client.write(reply.value);
    };
    await (isWrite(request) ? lock(exchange) : exchange());
  }
}

/** Splits a stream into messages; each starts with its length as an int32. */
async function* messages(socket: Socket): AsyncGenerator<Buffer> {
  let chunks: Buffer[] = [];
  let sizeBytes = 0;
  let wantedBytes = 4;
  for await (const chunk of socket) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    while (sizeBytes >= wantedBytes) {
      const buffer = Buffer.concat(chunks);
      const lengthBytes = buffer.readInt32LE(0);
      if (sizeBytes >= lengthBytes) {
        yield buffer.subarray(0, lengthBytes);
        sizeBytes -= lengthBytes;
        wantedBytes = 4;
        chunks = [buffer.subarray(lengthBytes)];
      } else {
        wantedBytes = lengthBytes;
        chunks = [buffer];
      }
    }
  }
}

const opMsg = 2013;
const moreToCome = 2;

/** https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/#op_msg */
function expectsReply(message: Buffer): boolean {
  return message.readInt32LE(12) !== opMsg || (message.readUInt32LE(16) & moreToCome) === 0;
}

/** The command is named by the first field of the first section: header 16, flags 4, kind 1, length 4, type 1. */
function isWrite(message: Buffer): boolean {
  if (message.readInt32LE(12) !== opMsg) return false;
  const name = message.toString('latin1', 26, message.indexOf(0, 26));
  return ['insert', 'update', 'delete', 'findAndModify'].includes(name);
}
