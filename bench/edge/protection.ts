import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { load } from './load.ts';
import type { Target } from './targets.ts';

/** Where the load comes from. */
interface Client {
  readonly cpu: number;
  readonly directory: string;
}

/** Resident memory of a process now, bytes. */
export function residentBytes(pid: number): number {
  const [, kib = '0'] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) * 1024;
}

/** The 99th percentile of viewers who ask for segments at a steady rate, without and with sockets that never finish a head. */
export async function slowloris(
  target: Target,
  client: Client,
  options: { sockets: number; seconds: number },
) {
  const healthy = () =>
    load({ target, shape: '100 KiB', connections: 32, rate: 500, seconds: options.seconds, ...client });
  const before = await healthy();
  const ending = new AbortController();
  const attack = slowHeads(target, options.sockets, ending.signal);
  await sleep(1500);
  const during = await healthy();
  ending.abort();
  const opened = await attack;
  return { before, during, opened };
}

/** Keeps so many connections open that send a byte of a head a second, and opens those again that are closed. */
async function slowHeads({ url }: Target, count: number, signal: AbortSignal): Promise<number> {
  const { hostname, port } = new URL(url);
  const head = 'GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ';
  const sockets = new Set<Socket>();
  let opened = 0;
  const open = () => {
    const socket = connect(Number(port), hostname);
    opened += 1;
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.write(head);
  };
  while (!signal.aborted) {
    for (let missing = Math.min(500, count - sockets.size); missing > 0; missing--) open();
    for (const socket of sockets) socket.write('a');
    await sleep(1000, undefined, { signal }).catch(() => undefined);
  }
  for (const socket of sockets) socket.destroy();
  return opened;
}

/** What a reader costs who asks for segments and reads none, bytes. `settledBytes`: memory of the server after a collection. */
export async function stalledReaderBytes(
  target: Target,
  settledBytes: () => Promise<number>,
  count: number,
): Promise<number> {
  const { hostname, port } = new URL(target.url);
  const [path = '/'] = target.paths.large;
  // More than the kernel takes for a reader who does not read.
  const requests = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n`.repeat(8);
  const stall = async (readers: number): Promise<Socket[]> => {
    const sockets = Array.from({ length: readers }, () =>
      connect(Number(port), hostname).on('error', () => undefined),
    );
    for (const socket of sockets) {
      socket.pause();
      socket.write(requests);
    }
    await sleep(3000);
    return sockets;
  };
  const first = await stall(Math.ceil(count / 10));
  const before = await settledBytes();
  const sockets = await stall(count);
  const after = await settledBytes();
  for (const socket of [...first, ...sockets]) socket.destroy();
  return (after - before) / count;
}
