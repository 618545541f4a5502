import {
  byteSize,
  flag,
  integer,
  list,
  optionalText,
  origin,
  requiredText,
  section,
  text,
} from '../setting.ts';
import { encryption } from './encryption.ts';

const audience = { pattern: /^[\x21-\x7e]{1,256}$/, form: 'up to 256 printable characters without spaces' };
const octet = '(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)';
const ipv4Range = `${octet}(?:\\.${octet}){3}(?:/(?:3[0-2]|[12]?\\d))?`;
const ipv6Range = '[\\da-fA-F:]*:[\\da-fA-F:]*(?:/(?:12[0-8]|1[01]\\d|\\d{1,2}))?';
const addressRange = {
  pattern: new RegExp(`^(?:${ipv4Range}|${ipv6Range})$`),
  form: 'an address or a range such as 10.0.0.0/8 or 2001:db8::/32',
};

const embedOrigin = {
  pattern: /^(?:\*|https?:\/\/(?:\*\.)?[\w.-]+(?::\d{1,5})?)$/,
  form: 'an origin such as https://studio.example.com or https://*.example.com, or *',
};

/** How viewers are served. */
export const delivery = section('How viewers are served.', {
  workers: integer(
    {
      description:
        'How many processes serve the port of an edge that is a process of its own: one for each core that it may have. They share the memory and disk for caches.',
      unit: 'processes',
    },
    1,
    256,
    1,
  ),
  memoryCacheBytes: byteSize(
    { description: 'Memory for segments that were asked for lately.' },
    '0B',
    '1TiB',
    '256MiB',
  ),
  diskCacheBytes: byteSize(
    {
      description:
        'Disk space for what was asked for lately; it survives a restart. 0 is no disk cache, as an edge beside a directory of objects would only copy it. With a bucket: as much as there is.',
    },
    '0B',
    '512TiB',
    '0B',
  ),
  diskCacheDirectory: optionalText({
    description:
      'Directory of the disk cache, for this process alone; best on a disk of its own, or a file system that others do not need.',
    absent: '<dataDirectory>/edge-cache',
  }),
  readAhead: flag(
    {
      description: 'Take the next segment of viewers who play on into memory before they ask for it.',
    },
    true,
  ),
  edgeFill: flag(
    {
      description:
        'Ask the edge to which an object belongs before the object store, so that all edges together read it once. Only with auth.meshToken, and where several edges serve.',
    },
    true,
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
  embedOrigins: list(
    {
      description:
        'Origins of web pages that may embed the player page; * is all of them, none only pages of its own origin.',
    },
    requiredText({ description: 'An origin.' }, embedOrigin),
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
  encryption,
});
