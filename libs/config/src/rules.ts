import type { KeyPath } from './problem.ts';
import type { ParsedConfig } from './schema.ts';
import { defaultAudioBitrateBps } from './sections/profiles.ts';

/** A rule that spans several keys and is broken, told at the key that one would change. */
export interface BrokenRule {
  readonly path: KeyPath;
  readonly text: string;
}

/** S3 takes at most this many parts, https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const maxParts = 10_000;

/** Everything that no key can know by itself. */
export function brokenRules(config: ParsedConfig): BrokenRule[] {
  return [
    ...authRules(config),
    ...tlsRules(config),
    ...storageRules(config),
    ...natsRules(config.nats),
    ...uploadRules(config),
    ...profileRules(config),
  ];
}

/** Whether an address only takes connections from the same machine. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase();
  return name === 'localhost' || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name);
}

function authRules({ server, auth }: ParsedConfig): BrokenRule[] {
  const broken: BrokenRule[] = [];
  if (auth.mode === 'off' && !isLoopback(server.host)) {
    broken.push({
      path: ['auth', 'mode'],
      text: `is off while server.host is ${JSON.stringify(server.host)}, so everyone who reaches this machine could upload and delete; set auth.mode: keys with auth.keys, or server.host: 127.0.0.1`,
    });
  }
  if (auth.mode === 'keys' && auth.keys.length === 0 && auth.meshToken === undefined) {
    broken.push({
      path: ['auth', 'keys'],
      text: 'is empty while auth.mode is keys, so nobody could call; add a key, or set auth.meshToken',
    });
  }
  return [...broken, ...repeated(auth.keys, ({ name }) => name, ['auth', 'keys'], 'name')];
}

function tlsRules({ server: { tls } }: ParsedConfig): BrokenRule[] {
  if ((tls.certFile === undefined) === (tls.keyFile === undefined)) return [];
  const [given, missing] = tls.certFile === undefined ? ['keyFile', 'certFile'] : ['certFile', 'keyFile'];
  return [{ path: ['server', 'tls', missing], text: `is missing; server.tls.${given} needs it` }];
}

function storageRules({ storage }: ParsedConfig): BrokenRule[] {
  if (storage.kind !== 's3') return [];
  const required = ['endpoint', 'bucket', 'accessKeyId', 'secretAccessKey'] as const;
  return required
    .filter((key) => storage.s3[key] === undefined)
    .map((key) => ({ path: ['storage', 's3', key], text: 'is missing; storage.kind: s3 needs it' }));
}

function natsRules(nats: ParsedConfig['nats']): BrokenRule[] {
  const ways = (['user', 'token', 'credsFile'] as const).filter((key) => nats[key] !== undefined);
  if (ways.length > 1) {
    return [{ path: ['nats', ways[1] ?? ''], text: `is given beside nats.${ways[0]}; give one of them` }];
  }
  if ((nats.user === undefined) !== (nats.password === undefined)) {
    const missing = nats.user === undefined ? 'user' : 'password';
    return [{ path: ['nats', missing], text: 'is missing; nats.user and nats.password go together' }];
  }
  return [];
}

function uploadRules({ storage, upload }: ParsedConfig): BrokenRule[] {
  if (storage.kind !== 's3' || upload.partSizeBytes * maxParts >= upload.maxSizeBytes) return [];
  const least = Math.ceil(upload.maxSizeBytes / maxParts);
  return [
    {
      path: ['upload', 'partSizeBytes'],
      text: `is too small for upload.maxSizeBytes: S3 takes ${maxParts} parts at most, so it must be at least ${least}`,
    },
  ];
}

function profileRules({ profiles, defaultProfile }: ParsedConfig): BrokenRule[] {
  const broken: BrokenRule[] = [];
  if (!Object.hasOwn(profiles, defaultProfile)) {
    const names = Object.keys(profiles).join(', ');
    broken.push({ path: ['defaultProfile'], text: `names no profile; allowed: one of ${names}` });
  }
  for (const [name, profile] of Object.entries(profiles)) {
    const path = ['profiles', name];
    if (profile.renditions.length + profile.audio.length === 0) {
      broken.push({ path, text: 'makes nothing; give renditions, audio, or both' });
    }
    for (const [index, rendition] of profile.renditions.entries()) {
      const { codec, bitrateBps, crf, maxBitrateBps, dynamicRange, encoder } = rendition;
      const rung = [...path, 'renditions', index];
      if (dynamicRange === 'source' && (codec === 'h264' || codec === 'vp9')) {
        broken.push({ path: [...rung, 'dynamicRange'], text: `is sdr for ${codec}; HDR needs hevc or av1` });
      }
      if (encoder === 'nvenc' && codec === 'vp9') {
        broken.push({ path: [...rung, 'encoder'], text: 'makes no vp9; allowed: software, qsv, vaapi' });
      }
      if ((bitrateBps === undefined) === (crf === undefined)) {
        broken.push({ path: rung, text: 'must have either bitrateBps or crf' });
      }
      if (crf !== undefined && crf > 51 && (codec === 'h264' || codec === 'hevc')) {
        broken.push({ path: [...rung, 'crf'], text: `goes up to 51 for ${codec}` });
      }
      if (bitrateBps !== undefined && maxBitrateBps !== undefined && maxBitrateBps < bitrateBps) {
        broken.push({ path: [...rung, 'maxBitrateBps'], text: 'is below bitrateBps; it is the peak' });
      }
    }
    broken.push(...downloadRules(profile.extras.downloads, [...path, 'extras', 'downloads']));
    broken.push(
      ...repeated(
        profile.renditions,
        (rung) =>
          rung.name ?? `${rung.codec}-${rung.shortSide}p${rung.dynamicRange === 'source' ? '-hdr' : ''}`,
        [...path, 'renditions'],
        'name',
      ),
      ...repeated(
        profile.audio,
        ({ name: own, codec, bitrateBps }) =>
          own ?? `${codec}-${bitrateBps ?? defaultAudioBitrateBps[codec]}`,
        [...path, 'audio'],
        'name',
      ),
    );
  }
  return broken;
}

function downloadRules(
  downloads: ParsedConfig['profiles'][string]['extras']['downloads'],
  path: KeyPath,
): BrokenRule[] {
  return downloads.flatMap(({ format, shortSide, bitrateBps }, index) => {
    const broken: BrokenRule[] = [];
    if (index === 8) broken.push({ path: [...path, index], text: 'is one too many; 8 are allowed' });
    if (shortSide !== undefined && format !== 'mp4') {
      broken.push({ path: [...path, index, 'shortSide'], text: `is for mp4, and ${format} has no picture` });
    }
    if (bitrateBps !== undefined && format !== 'mp3') {
      broken.push({
        path: [...path, index, 'bitrateBps'],
        text: `is for mp3; ${format} takes tracks as they are`,
      });
    }
    return broken;
  });
}

function repeated<T>(
  items: readonly T[],
  nameOf: (item: T) => string,
  path: KeyPath,
  key: string,
): BrokenRule[] {
  const seen = new Set<string>();
  return items.flatMap((item, index) => {
    const name = nameOf(item);
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    return [
      {
        path: [...path, index],
        text: `has the same ${key} as an earlier one (${name}); give it another ${key}`,
      },
    ];
  });
}
