import { expect, test } from 'vitest';
import { requireLoopbackHost } from './host-guard.ts';

test.each(['127.0.0.1:4400', 'localhost:4400', 'kerkis.localhost', '[::1]:4400', '127.1.2.3', 'LOCALHOST'])(
  '%s is this machine',
  (host) => {
    expect(() => requireLoopbackHost({ headers: { host } })).not.toThrow();
    expect(() => requireLoopbackHost({ headers: { ':authority': host } })).not.toThrow();
  },
);

test.each(['evil.example', '127.0.0.1.evil.example:4400', '10.0.0.1', 'localhost.evil.example', '[::2]:80'])(
  '%s is refused',
  (host) => {
    expect(() => requireLoopbackHost({ headers: { host } })).toThrow(
      expect.objectContaining({ reason: 'HOST_REFUSED' }),
    );
  },
);
