import { byteSize, integer, list, optionalText, origin, requiredText, section } from '../setting.ts';

/** How viewers are served. */
export const delivery = section('How viewers are served.', {
  memoryCacheBytes: byteSize(
    { description: 'Memory for segments that were asked for lately.' },
    '0B',
    '1TiB',
    '256MiB',
  ),
  manifestTtlSeconds: integer(
    {
      description: 'How long caches may keep a playlist or manifest; segments may be kept forever.',
      unit: 'seconds',
    },
    0,
    86_400,
    5,
  ),
  segmentWaitSeconds: integer(
    {
      description: 'How long a request for a segment that is not encoded yet waits for it.',
      unit: 'seconds',
    },
    1,
    300,
    30,
  ),
  corsOrigins: list(
    { description: 'Origins of web pages whose players may load media; * is all of them.' },
    requiredText({ description: 'An origin.' }, origin),
    ['*'],
  ),
  region: optionalText(
    {
      description:
        'Where this edge is, e.g. eu-west. Viewers who ask for a region are sent to an edge of it.',
      absent: 'no region',
    },
    { pattern: /^[a-z0-9-]{1,64}$/, form: 'up to 64 lower-case letters, digits and dashes' },
  ),
});
