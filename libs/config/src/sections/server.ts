import { httpUrl, integer, list, optionalText, origin, requiredText, section, text } from '../setting.ts';

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
});
