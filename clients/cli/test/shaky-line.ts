import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP line to a server that can be cut. */
export interface ShakyLine extends AsyncDisposable {
  readonly url: string;
  /** Bytes that went to the server so far. */
  sentBytes(): number;
  /** Cuts the connections that are open now. */
  cut(): void;
}

/** Opens a line to `http://host:port`. */
export async function openShakyLine(server: string): Promise<ShakyLine> {
  const target = new URL(server);
  const open = new Set<Socket>();
  let sent = 0;
  const listener = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => {
        open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (bytes) => {
      sent += bytes.length;
      if (!upstream.write(bytes)) {
        client.pause();
        upstream.once('drain', () => client.resume());
      }
    });
    upstream.pipe(client);
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    sentBytes: () => sent,
    cut: () => {
      for (const socket of open) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      listener.close();
      await once(listener, 'close');
    },
  };
}
