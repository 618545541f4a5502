import { z } from 'zod';
import { byteSize, flag, integer, list, section } from '../setting.ts';

/** What may be uploaded, and how. */
export const upload = section('What may be uploaded, and how.', {
  maxSizeBytes: byteSize(
    { description: 'Largest source. A larger one is refused before its bytes are taken.' },
    '1B',
    '5TiB',
    '50GiB',
  ),
  sessionTtlHours: integer(
    {
      description: 'How long an upload may rest without a byte before it is given up and removed.',
      unit: 'hours',
    },
    1,
    24 * 30,
    24,
  ),
  partSizeBytes: byteSize(
    {
      description:
        'Size of the parts in which a source is written to the bucket. S3 takes 10,000 parts at most, so parts × 10,000 is a limit too.',
    },
    '5MiB',
    '5GiB',
    '16MiB',
  ),
  checksumAlgorithms: list(
    { description: 'Algorithms that a tus client may use in Upload-Checksum.' },
    z.enum(['md5', 'sha1', 'sha256', 'sha512']),
    ['sha1', 'sha256', 'md5'],
  ),
  import: section('Import from an address instead of an upload.', {
    enabled: flag({ description: 'Whether sources may be imported by URL at all.' }, true),
    timeoutSeconds: integer(
      { description: 'How long one import may take altogether.', unit: 'seconds' },
      1,
      7 * 86_400,
      3600,
    ),
    maxRedirects: integer(
      { description: 'How many redirects are followed; each target is checked again.', unit: 'redirects' },
      0,
      20,
      5,
    ),
    allowPrivateAddresses: flag(
      {
        description:
          'Allow loopback, private and link-local addresses. Leave it off unless everyone who may import may also reach your inner network.',
      },
      false,
    ),
    maxSizeBytes: byteSize(
      { description: 'Largest imported source; never more than upload.maxSizeBytes.' },
      '1B',
      '5TiB',
      '50GiB',
    ),
  }),
});
