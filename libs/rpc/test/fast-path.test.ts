import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { get } from 'node:https';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterEach, expect, test, vi } from 'vitest';
import type { HttpHandler } from '../src/index.ts';
import { compareWithNode } from './differential.ts';
import { createCleanup, fastBody, startTestServer } from './fixture.ts';

let cleanup = createCleanup();
afterEach(async () => {
  await cleanup.close();
  cleanup = createCleanup();
});

const head = (path: string, ...fields: string[]) =>
  [`GET ${path} HTTP/1.1`, 'Host: localhost', ...fields, '', ''].join('\r\n');

function open(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  cleanup.use({ [Symbol.asyncDispose]: async () => void socket.destroy() });
  return socket;
}

/** Reads answers with a content-length until there are so many. */
async function read(
  socket: Socket,
  count: number,
): Promise<{ status: number; head: string; body: Buffer }[]> {
  const answers: { status: number; head: string; body: Buffer }[] = [];
  let bytes = Buffer.alloc(0);
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    bytes = Buffer.concat([bytes, chunk]);
    for (;;) {
      const end = bytes.indexOf('\r\n\r\n');
      const text = bytes.toString('latin1', 0, Math.max(0, end));
      const length = Number(/^content-length: (\d+)/im.exec(text)?.[1] ?? 0);
      if (end < 0 || bytes.length < end + 4 + length) break;
      answers.push({
        status: Number(text.slice(9, 12)),
        head: text,
        body: bytes.subarray(end + 4, end + 4 + length),
      });
      bytes = bytes.subarray(end + 4 + length);
    }
    if (answers.length >= count) break;
  }
  return answers;
}

test('one connection has answers from memory, of handlers, and of what only Node reads, in the order of the requests', async () => {
  const { port } = await startTestServer(cleanup);
  const socket = open(port);
  socket.write(
    [
      head('/fast/3'),
      head('/healthz'),
      head('/fast/100000'),
      head('/nowhere'),
      head('/fast/0'),
      // Two fields of a name are for Node's parser, and so is all that follows.
      head('/fast/4', 'X-A: 1', 'X-A: 2'),
      head('/healthz'),
    ].join(''),
  );
  const answers = await read(socket, 7);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 404, 200, 404, 200]);
  expect(answers[0]?.body).toEqual(fastBody.subarray(0, 3));
  expect(JSON.parse(`${answers[1]?.body}`)).toEqual({ status: 'alive' });
  expect(answers[2]?.body.equals(fastBody.subarray(0, 100_000))).toBe(true);
  expect(answers[0]?.head).toMatch(/\r\nDate: .+ GMT\r\nConnection: keep-alive\r\nKeep-Alive: timeout=60$/);
  expect(answers[6]?.head).toMatch(/\r\nConnection: keep-alive\r\nKeep-Alive: timeout=60$/m);
});

test('a head that comes byte by byte is read, one that does not end is given up', async () => {
  const { port } = await startTestServer(cleanup, { limits: { headersTimeoutMs: 500 } });
  const slow = open(port);
  for (const byte of head('/fast/5')) {
    slow.write(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect((await read(slow, 1))[0]?.body).toEqual(fastBody.subarray(0, 5));
  const partial = open(port);
  partial.write('GET /fast/5 HTTP/1.1\r\nHost: lo');
  expect((await read(partial, 1))[0]?.status).toBe(408);
  const silent = open(port);
  await once(silent.resume(), 'close');
});

test('bytes that are no request are refused by Node, before and after answers from memory', async () => {
  const { port } = await startTestServer(cleanup);
  for (const before of ['', head('/fast/2'), head('/healthz')]) {
    const socket = open(port);
    socket.write(`${before}GET /fast/1 HTTP/1.1\nHost: localhost\r\nContent-Length: x\r\n\r\n`);
    expect((await read(socket, 2)).map(({ status }) => status)).toEqual(before === '' ? [400] : [200, 400]);
  }
});

test('whoever stops reading gets everything when he reads on, and asks for no more meanwhile', async () => {
  const { port } = await startTestServer(cleanup);
  const socket = open(port);
  socket.pause();
  socket.write(Array.from({ length: 5 }, () => head('/fast/8000000')).join(''));
  await new Promise((resolve) => setTimeout(resolve, 200));
  const answers = await read(socket.resume(), 5);
  expect(answers.every(({ body }) => body.equals(fastBody.subarray(0, 8_000_000)))).toBe(true);
});

test('when too much waits for slow readers the rest is asked to come again', async () => {
  const { port } = await startTestServer(cleanup, { limits: { maxUnsentBytes: 1024 } });
  const stalled = open(port).pause();
  stalled.write(head('/fast/8000000'));
  await vi.waitFor(async () => {
    const socket = open(port);
    socket.write(head('/fast/10'));
    const [answer] = await read(socket, 1);
    expect(answer?.status).toBe(503);
    expect(answer?.head).toContain('\r\nretry-after: 2\r\n');
  });
  stalled.destroy();
  await vi.waitFor(async () => {
    const socket = open(port);
    socket.write(head('/fast/10'));
    expect((await read(socket, 1))[0]?.status).toBe(200);
  });
});

test('above the requests that it takes on, a server answers 503 to all but health and memory', async () => {
  const held: (() => void)[] = [];
  const hold: HttpHandler = async (_req, res) => {
    await new Promise<void>((resolve) => held.push(resolve));
    res.end();
    return true;
  };
  const { port } = await startTestServer(cleanup, { http: [hold], limits: { maxRequests: 2 } });
  const waiting = [open(port), open(port)];
  for (const socket of waiting) socket.write(head('/held'));
  await vi.waitFor(() => expect(held).toHaveLength(2));
  const socket = open(port);
  socket.write(head('/other') + head('/healthz') + head('/fast/1'));
  const answers = await read(socket, 3);
  expect(answers.map(({ status }) => status)).toEqual([503, 200, 200]);
  expect(answers[0]?.head).toMatch(/^retry-after: 2$/m);
  expect(JSON.parse(`${answers[0]?.body}`)).toMatchObject({ reason: 'SERVER_OVERLOADED' });
  for (const answer of held) answer();
  for (const each of waiting) expect((await read(each, 1))[0]?.status).toBe(200);
});

test('when all places are taken the idle ones are freed', async () => {
  const { port } = await startTestServer(cleanup, { limits: { maxConnections: 3 } });
  const idle = [open(port), open(port), open(port)];
  for (const socket of idle) {
    socket.write(head('/fast/1'));
    await read(socket, 1);
    socket.resume();
  }
  await vi.waitFor(
    async () => {
      const socket = open(port);
      socket.write(head('/fast/1'));
      expect((await read(socket, 1))[0]?.status).toBe(200);
    },
    { timeout: 15_000 },
  );
});

test('when all places are taken by HTTP/2 the idle ones are freed, and those with a call are not', async () => {
  const server = await startTestServer(cleanup, { limits: { maxConnections: 3 }, http: [() => true] });
  const clients = [0, 1, 2].map(() => connectHttp2(server.url));
  cleanup.use({ [Symbol.asyncDispose]: async () => clients.forEach((client) => void client.destroy()) });
  await Promise.all(clients.map((client) => once(client, 'remoteSettings')));
  const [busy] = clients;
  busy?.request({ ':path': '/held' }).end();
  await vi.waitFor(
    async () => {
      const socket = open(server.port);
      socket.write(head('/fast/1'));
      expect((await read(socket, 1))[0]?.status).toBe(200);
    },
    { timeout: 15_000 },
  );
  await vi.waitFor(() => expect(clients.filter(({ destroyed }) => destroyed)).toHaveLength(1));
  expect(busy?.closed).toBe(false);
});

test('a server that goes ends idle connections at once', async () => {
  const server = await startTestServer(cleanup, { drainMs: 60_000 });
  const socket = open(server.port);
  socket.write(head('/fast/1'));
  await read(socket, 1);
  const closed = once(socket.resume(), 'close');
  await Promise.all([closed, server[Symbol.asyncDispose]()]);
});

test('a server that goes sends the answer that is on its way, also where handlers answered before', async () => {
  const server = await startTestServer(cleanup, { drainMs: 60_000 });
  const socket = open(server.port);
  socket.write(head('/healthz'));
  await read(socket, 1);
  socket.pause();
  socket.write(head(`/fast/${fastBody.length}`));
  await vi.waitFor(() => expect(socket.readableLength).toBeGreaterThan(0));
  const gone = server[Symbol.asyncDispose]();
  await vi.waitFor(() => expect(once(open(server.port), 'connect')).rejects.toThrow('ECONNREFUSED'));
  expect((await read(socket, 1))[0]?.body.equals(fastBody)).toBe(true);
  await Promise.all([once(socket.resume(), 'close'), gone]);
});

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

/** Files of a certificate, and what makes another one for a name. */
function certificates() {
  const directory = mkdtempSync(join(tmpdir(), 'kerkis-tls-'));
  cleanup.use({ [Symbol.asyncDispose]: async () => rmSync(directory, { recursive: true }) });
  const files = { certFile: join(directory, 'cert.pem'), keyFile: join(directory, 'key.pem') };
  const renew = (name: string) => {
    const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const names = ['-days', '2', '-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost'];
    const [key, cert] = [join(directory, 'new-key.pem'), join(directory, 'new-cert.pem')];
    execFileSync('openssl', [...request, ...names, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    writeFileSync(files.keyFile, readFileSync(key));
    writeFileSync(files.certFile, readFileSync(cert));
  };
  return { files, renew };
}

test.skipIf(!hasOpenssl)('who begins no TLS handshake on its port is given up', async () => {
  const { files, renew } = certificates();
  renew('first');
  const { securePort = 0 } = await startTestServer(cleanup, {
    secure: { ...files, port: 0 },
    limits: { headersTimeoutMs: 200 },
  });
  const silent = open(securePort);
  await once(silent.resume(), 'close');
});

test.skipIf(!hasOpenssl)(
  'over TLS the same, with a certificate that is changed while it serves',
  async () => {
    const { files, renew } = certificates();
    renew('first');
    const { securePort = 0 } = await startTestServer(cleanup, { secure: { ...files, port: 0, watchMs: 50 } });
    const openTls = async (): Promise<TLSSocket> => {
      const socket = connectTls({
        port: securePort,
        host: '127.0.0.1',
        servername: 'localhost',
        rejectUnauthorized: false,
      });
      cleanup.use({ [Symbol.asyncDispose]: async () => void socket.destroy() });
      await once(socket, 'secureConnect');
      return socket;
    };
    const socket = await openTls();
    expect(socket.getPeerCertificate().subject.CN).toBe('first');
    socket.write(
      head('/fast/3') + head('/healthz') + head('/fast/3000000') + head('/fast/1', 'X-A: 1', 'X-A: 2'),
    );
    const answers = await read(socket, 4);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 404]);
    expect(answers[2]?.body.equals(fastBody.subarray(0, 3_000_000))).toBe(true);

    renew('second');
    await vi.waitFor(async () => expect((await openTls()).getPeerCertificate().subject.CN).toBe('second'));
    const status = await new Promise((resolve, reject) => {
      get({ port: securePort, path: '/healthz', rejectUnauthorized: false }, (res) =>
        resolve(res.resume().statusCode),
      ).on('error', reject);
    });
    expect(status).toBe(200);
  },
);

test('what the fast path makes of bytes is what Node makes of them', async () => {
  const { accepted, declined, disagreements } = await compareWithNode({ inputs: 30_000, seed: 1 });
  expect(disagreements).toEqual([]);
  expect(accepted).toBeGreaterThan(3000);
  expect(declined).toBeGreaterThan(3000);
});
