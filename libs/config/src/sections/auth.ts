import { z } from 'zod';
import { choice, list, optionalText, requiredText, section } from '../setting.ts';

const scope = requiredText(
  { description: 'A scope.' },
  {
    pattern: /^(\*|(\*|catalog|upload|transcode|delivery):(\*|read|write))$/,
    form: '<service>:read or <service>:write, with * for either side or for all of it',
  },
);

/** Who may call. */
export const auth = section('Who may call RPC and upload. Playback has its own rule in each playback ID.', {
  mode: choice(
    {
      description:
        'off: everyone who reaches the port, accepted only while server.host is loopback. keys: callers send an API key.',
    },
    ['off', 'keys'],
    'off',
  ),
  keys: list(
    { description: 'API keys. Only their hashes are written here.', secret: true },
    z.strictObject({
      name: requiredText(
        { description: 'Who holds the key; appears in logs.' },
        {
          pattern: /^[A-Za-z0-9._-]{1,64}$/,
          form: 'up to 64 letters, digits, dots, dashes and underscores',
        },
      ),
      sha256: requiredText(
        { description: 'SHA-256 of the key in hexadecimal: printf %s KEY | sha256sum.', secret: true },
        { pattern: /^[0-9a-f]{64}$/, form: '64 hexadecimal digits' },
      ),
      scopes: list(
        {
          description:
            'What the key may do: catalog:read, upload:write, transcode:*, *:read, … read is calls that change nothing; write is all others, and uploads; * is everything.',
        },
        scope,
        ['*'],
      ),
    }),
    [],
  ),
  meshToken: optionalText(
    {
      description:
        'Secret that the services show each other; the same in all of them. Needed with mode: keys when services are processes of their own.',
      absent: 'no other process is trusted',
      secret: true,
    },
    { pattern: /^[\x21-\x7e]{16,}$/, form: 'at least 16 printable characters without spaces' },
  ),
});
