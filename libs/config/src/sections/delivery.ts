import { byteSize, integer, list, optionalText, origin, requiredText, section, text } from '../setting.ts';

const audience = { pattern: /^[\x21-\x7e]{1,256}$/, form: 'up to 256 printable characters without spaces' };
const octet = '(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)';
const ipv4Range = `${octet}(?:\\.${octet}){3}(?:/(?:3[0-2]|[12]?\\d))?`;
const ipv6Range = '[\\da-fA-F:]*:[\\da-fA-F:]*(?:/(?:12[0-8]|1[01]\\d|\\d{1,2}))?';
const addressRange = {
  pattern: new RegExp(`^(?:${ipv4Range}|${ipv6Range})$`),
  form: 'an address or a range such as 10.0.0.0/8 or 2001:db8::/32',
};

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
  tokenAudience: text(
    { description: 'What playback tokens must name as their audience (aud).' },
    'kerkis',
    audience,
  ),
  tokenClockSkewSeconds: integer(
    {
      description:
        'How much the clock of who signs playback tokens may differ: they are good so much before nbf and after exp.',
      unit: 'seconds',
    },
    0,
    300,
    5,
  ),
  trustedProxies: list(
    {
      description:
        'Addresses and CIDR ranges of CDNs and proxies in front of the edge, whose X-Forwarded-For tells where a viewer is. Only for tokens that name addresses.',
    },
    requiredText({ description: 'An address or a range.' }, addressRange),
    [],
  ),
  region: optionalText(
    {
      description:
        'Where this edge is, e.g. eu-west. Viewers who ask for a region are sent to an edge of it.',
      absent: 'no region',
    },
    { pattern: /^[a-z0-9-]{1,64}$/, form: 'up to 64 lower-case letters, digits and dashes' },
  ),
  weight: integer(
    {
      description: 'Share of the playback IDs that routing gives this edge, beside those of the others.',
      unit: 'parts',
    },
    1,
    1_000,
    100,
  ),
  leaseSeconds: integer(
    {
      description:
        'How long this edge counts as there without a sign of life. It renews its lease three times in it; the same for all edges.',
      unit: 'seconds',
    },
    2,
    8,
    6,
  ),
});
