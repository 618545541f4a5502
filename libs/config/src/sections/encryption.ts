import { z } from 'zod';
import { list, optionalText, requiredText, section } from '../setting.ts';

const uuid = {
  pattern: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
  form: 'a UUID in lower case with dashes',
};
const address = {
  pattern: /^[a-z][a-z0-9+.-]*:[\x21\x23-\x7e]+$/,
  form: 'an address with a scheme, in which {keyId} and {playbackId} are replaced',
};

/** How segments are encrypted on their way. */
export const encryption = section(
  'Encryption of segments on their way, for playback IDs that ask for it. What is stored is clear.',
  {
    secret: optionalText(
      {
        description:
          'Secret from which the keys of all generations are derived, 32 characters or more; the same for all edges. With another one all keys are others.',
        absent: 'encrypted playback IDs are answered with 503 ENCRYPTION_NOT_CONFIGURED',
        secret: true,
      },
      { pattern: /^[\x20-\x7e]{32,512}$/, form: '32 to 512 printable characters' },
    ),
    systems: list(
      {
        description:
          'DRM systems besides ClearKey, whose licence servers are yours: manifests of cbcs name them. They derive the same keys from the secret.',
      },
      z.strictObject({
        systemId: requiredText({ description: 'System id, as DASH-IF registers it.' }, uuid),
        name: optionalText({ description: 'What the MPD calls it.', absent: 'no name' }),
        licenseUrl: optionalText(
          { description: 'Address of the licence server, for the MPD.', absent: 'players must know it' },
          address,
        ),
        keyFormat: optionalText({
          description: 'KEYFORMAT in HLS, e.g. com.apple.streamingkeydelivery.',
          absent: 'HLS does not name the system',
        }),
        keyUri: optionalText(
          {
            description: 'URI in HLS, e.g. skd://{keyId}.',
            absent: 'the pssh box as a data URI',
          },
          address,
        ),
        psshData: optionalText(
          {
            description: "What the system's pssh box has besides the key id, in base64.",
            absent: 'nothing',
          },
          { pattern: /^[A-Za-z0-9+/]+={0,2}$/, form: 'base64' },
        ),
      }),
      [],
    ),
  },
);
