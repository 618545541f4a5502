import {
  byteSize,
  httpUrl,
  integer,
  list,
  optionalText,
  origin,
  requiredText,
  section,
  text,
} from '../setting.ts';

/** Where this process listens. */
export const server = section('Where this process listens, for RPC and HTTP on one port.', {
  host: text(
    {
      description:
        'Address to bind. Anything but loopback (127.0.0.1, ::1, localhost) requires auth.mode: keys. In a container: 0.0.0.0.',
    },
    '127.0.0.1',
    { pattern: /^[^\s/]+$/, form: 'an IP address or host name' },
  ),
  port: integer(
    { description: 'TCP port to bind; 0 takes a free one.', unit: 'port number' },
    0,
    65_535,
    4400,
  ),
  publicUrl: optionalText(
    {
      description:
        'Address under which clients reach this mesh; playback and upload addresses start with it.',
      absent: 'the address that the client used',
    },
    httpUrl,
  ),
  drainSeconds: integer(
    {
      description: 'How long open requests may take to finish after SIGTERM before they are cut.',
      unit: 'seconds',
    },
    0,
    3600,
    20,
  ),
  corsOrigins: list(
    {
      description:
        'Origins of web pages that may call RPC and upload from a browser, e.g. https://studio.example.com; * is all of them.',
    },
    requiredText({ description: 'An origin.' }, origin),
    [],
  ),
  tls: section('A second port for HTTP/1.1 and HTTP/2 with TLS. Served when certificate and key are given.', {
    certFile: optionalText({
      description: 'File with the certificate and its chain, PEM. Read again when it changes.',
      absent: 'no TLS',
    }),
    keyFile: optionalText({
      description: 'File with the private key, PEM. Read again when it changes.',
      absent: 'no TLS',
    }),
    port: integer(
      { description: 'TCP port to bind; 0 takes a free one.', unit: 'port number' },
      0,
      65_535,
      4443,
    ),
  }),
  limits: section('What this process takes on. Above it connections are closed, or requests answered 503.', {
    connections: integer(
      {
        description:
          'Open connections to a port. When all are taken, those that are idle the longest are closed.',
        unit: 'connections',
      },
      16,
      1_000_000,
      10_000,
    ),
    connectionsPerAddress: integer(
      {
        description:
          'Of these, how many may come from one address (IPv6: one /64). Loopback and delivery.trustedProxies may have all.',
        unit: 'connections',
      },
      1,
      1_000_000,
      1024,
    ),
    requests: integer(
      { description: 'Plain HTTP requests that are being answered at a time.', unit: 'requests' },
      1,
      1_000_000,
      4096,
    ),
    delayMs: integer(
      {
        description:
          'How late this process may be with everything before plain HTTP requests are answered 503.',
        unit: 'milliseconds',
      },
      50,
      60_000,
      1000,
    ),
    headersSeconds: integer(
      { description: 'How long a client may take to send the head of a request.', unit: 'seconds' },
      1,
      300,
      10,
    ),
    idleSeconds: integer(
      {
        description: 'How long a connection may be idle, or a body may stand still.',
        unit: 'seconds',
      },
      1,
      3600,
      60,
    ),
    unsentBytes: byteSize(
      {
        description: 'Memory for answers of the edge that wait for slow readers; shared answers count once.',
      },
      '1MiB',
      '1TiB',
      '512MiB',
    ),
  }),
});
