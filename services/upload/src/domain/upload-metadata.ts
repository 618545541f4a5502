import { create } from '@bufbuild/protobuf';
import { Encryption, PlaybackPolicy } from '@kerkis/contracts/catalog';
import { type UploadSpec, UploadSpecSchema } from '@kerkis/contracts/upload';
import { KerkisError } from '@kerkis/errors';
import { checkedSpec } from './spec.ts';

const maxHeaderLength = 12 * 1024;
const maxEntries = 64;
const ownPrefix = 'meta.';

/**
 * What `Upload-Metadata` says about the file. Keys: `filename` (or `name`), `filetype` (or `type`), `title`, `profile`,
 * `playbackPolicy` (`public` or `signed`), `encryption` (`none`, `aes-128` or `cbcs`), `sha256`, and `meta.<key>` for the owner's own facts; others are ignored, because
 * clients send their own. Throws UPLOAD_METADATA_INVALID, FILE_NAME_INVALID, METADATA_INVALID.
 */
export function specFromMetadata(header: string): UploadSpec {
  const entries = parseMetadata(header);
  const get = (...names: string[]) => names.map((name) => entries.get(name)).find((value) => value) ?? '';
  const own = [...entries].filter(([key]) => key.startsWith(ownPrefix));
  const metadata = Object.fromEntries(own.map(([key, value]) => [key.slice(ownPrefix.length), value]));
  for (const [key, value] of Object.entries(metadata)) {
    checkLength(`${ownPrefix}…`, key, 1, 128);
    checkLength(`${ownPrefix}${key}`, value, 0, 4096);
  }
  return checkedSpec(
    create(UploadSpecSchema, {
      fileName: get('filename', 'name'),
      contentType: checkLength('filetype', get('filetype', 'type'), 0, 256),
      title: checkLength('title', get('title'), 0, 512),
      profile: checkLength('profile', get('profile'), 0, 64),
      playbackPolicy: policyOf(get('playbackPolicy')),
      encryption: encryptionOf(get('encryption')),
      sha256: checksumOf(get('sha256')),
      metadata,
    }),
  );
}

/** The pairs of an `Upload-Metadata` header: `key base64,key base64`. Throws UPLOAD_METADATA_INVALID. */
export function parseMetadata(header: string): Map<string, string> {
  if (header.length > maxHeaderLength) throw invalid(`is longer than ${maxHeaderLength} characters`);
  const entries = new Map<string, string>();
  if (header.trim() === '') return entries;
  for (const pair of header.split(',')) {
    const [key = '', value = '', ...more] = pair.trim().split(' ');
    if (!/^[\x21-\x2b\x2d-\x7e]{1,133}$/.test(key))
      throw invalid('has a key that is empty, long or not ASCII');
    if (more.length > 0) throw invalid(`has more than one value for "${key}"`);
    if (entries.has(key)) throw invalid(`has "${key}" twice`);
    entries.set(key, decoded(key, value));
    if (entries.size > maxEntries) throw invalid(`has more than ${maxEntries} keys`);
  }
  return entries;
}

function decoded(key: string, value: string): string {
  const bytes = Buffer.from(value, 'base64');
  const plain = (text: string) => text.replace(/=+$/, '');
  if (plain(bytes.toString('base64')) !== plain(value))
    throw invalid(`has a value for "${key}" that is not base64`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalid(`has a value for "${key}" that is not UTF-8`);
  }
}

function policyOf(value: string): PlaybackPolicy {
  if (value === '' || value === 'public') return PlaybackPolicy.PUBLIC;
  if (value === 'signed') return PlaybackPolicy.SIGNED;
  throw invalid('has a playbackPolicy that is neither "public" nor "signed"');
}

const encryptions: ReadonlyMap<string, Encryption> = new Map([
  ['', Encryption.NONE],
  ['none', Encryption.NONE],
  ['aes-128', Encryption.AES_128],
  ['cbcs', Encryption.CBCS],
]);

function encryptionOf(value: string): Encryption {
  const encryption = encryptions.get(value);
  if (encryption === undefined)
    throw invalid('has an encryption that is none of "none", "aes-128" and "cbcs"');
  return encryption;
}

function checksumOf(value: string): string {
  const lower = value.toLowerCase();
  if (/^([0-9a-f]{64})?$/.test(lower)) return lower;
  throw invalid('has a sha256 that is not 64 hexadecimal digits');
}

function checkLength(key: string, value: string, least: number, most: number): string {
  if (value.length >= least && value.length <= most) return value;
  throw invalid(`has "${key}" of ${value.length} characters; ${least} to ${most} are allowed`);
}

function invalid(what: string): KerkisError {
  return new KerkisError('invalid', 'UPLOAD_METADATA_INVALID', `Upload-Metadata ${what}.`, {
    violations: [{ field: 'Upload-Metadata', description: what }],
  });
}
