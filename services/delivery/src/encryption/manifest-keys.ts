import type { IncomingMessage } from 'node:http';
import { psshBox, uuidOf } from '@kerkis/cenc';
import type { KerkisConfig } from '@kerkis/config';
import type { Protection as DashProtection } from '@kerkis/dash';
import type { SegmentEncryption, Track } from '@kerkis/hls';
import type { ManifestPath } from '../domain/edge-path.ts';
import { edgePath } from '../domain/edge-path.ts';
import type { PlayableGeneration } from '../domain/playable-generation.ts';
import type { ContentKey } from './content-keys.ts';
import { type Protection, protectionOf } from './protection.ts';

/** A DRM system whose licence server is somebody else's. */
type ExternalSystem = KerkisConfig['delivery']['encryption']['systems'][number];

/** What manifests say about encryption. */
export interface ManifestProtection {
  /** All that what is written depends on besides the generation. */
  readonly name: string;
  /** What URLs of segments carry as `e`. */
  readonly tag: string;
  readonly isHlsOnly: boolean;
  hls(track: Track, query: string): SegmentEncryption;
  dash(query: string): (kind: 'video' | 'audio') => DashProtection;
}

/** What the manifest at a path says, undefined if nothing is encrypted. */
export type DescribeProtection = (
  generation: PlayableGeneration,
  to: ManifestPath,
  req: Pick<IncomingMessage, 'headers' | 'socket'>,
) => ManifestProtection | undefined;

/** Where licences are, and whose besides ours. */
export function createDescribeProtection(
  systems: readonly ExternalSystem[],
  publicUrl: string | undefined,
): DescribeProtection {
  return (generation, to, req) => {
    const protection = protectionOf(generation);
    if (!protection) return undefined;
    const { playbackId } = to;
    const origin = to.kind === 'mpd' ? (publicUrl?.replace(/\/+$/, '') ?? originOf(req)) : '';
    const licenses = origin + edgePath({ kind: 'clearkey', playbackId });
    return {
      name: `${playbackId} ${origin}`,
      tag: protection.tag,
      isHlsOnly: protection.scheme === 'aes-128',
      hls: (track, query) => hlsEncryption(protection, track, playbackId, query, systems),
      dash: (query) => dashProtection(protection, playbackId, `${licenses}?${query}`, systems),
    };
  };
}

/** Where the viewer asked. */
function originOf({ headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>): string {
  const host = headers.host ?? headers[':authority']?.toString() ?? '';
  const scheme = 'encrypted' in socket && socket.encrypted ? 'https' : 'http';
  return URL.parse(`${scheme}://${host}`)?.origin ?? '';
}

/** The system of ClearKey in an MPD, as DASH-IF registers it. */
const clearKeySystem = 'e2719d58-a985-b3c9-781a-b030af78d30e';

/** The keys of a track, for its playlist. `query` is what the URLs in it carry. */
function hlsEncryption(
  { scheme, keys }: Protection,
  track: Track,
  playbackId: string,
  query: string,
  systems: readonly ExternalSystem[],
): SegmentEncryption {
  const key = keyOf(keys, track.kind);
  const uri = `${'../'.repeat(track.name.split('/').length)}key/${key.id}?${query}`;
  if (scheme === 'aes-128') return { method: 'AES-128', keys: [{ uri }] };
  const external = systems.flatMap(({ keyFormat, keyUri, ...system }) =>
    keyFormat === undefined
      ? []
      : [
          {
            keyFormat,
            keyFormatVersions: '1',
            keyId: key.id,
            uri: keyUri ? filled(keyUri, key, playbackId) : `data:text/plain;base64,${psshOf(system, key)}`,
          },
        ],
  );
  const identity = { uri, keyFormat: 'identity', keyFormatVersions: '1', keyId: key.id };
  return { method: 'SAMPLE-AES', keys: [identity, ...external] };
}

/** The keys of both kinds of tracks, for an MPD. */
function dashProtection(
  { keys }: Protection,
  playbackId: string,
  licenseUrl: string,
  systems: readonly ExternalSystem[],
): (kind: 'video' | 'audio') => DashProtection {
  return (kind) => {
    const key = keyOf(keys, kind);
    const external = systems.map(({ systemId, name, licenseUrl: theirs, psshData }) => ({
      systemId,
      name,
      licenseUrl: theirs && filled(theirs, key, playbackId),
      pssh: psshOf({ systemId, ...(psshData !== undefined && { psshData }) }, key),
    }));
    const clearKey = { systemId: clearKeySystem, name: 'ClearKey1.0', licenseUrl };
    return { scheme: 'cbcs', keyId: uuidOf(key.id), systems: [clearKey, ...external] };
  };
}

function keyOf(keys: Protection['keys'], kind: Track['kind']): ContentKey {
  return keys[kind === 'audio' ? 'audio' : 'video'];
}

function filled(template: string, { id }: ContentKey, playbackId: string): string {
  return template.replaceAll('{keyId}', id).replaceAll('{playbackId}', playbackId);
}

function psshOf(
  { systemId, psshData }: Pick<ExternalSystem, 'systemId' | 'psshData'>,
  key: ContentKey,
): string {
  return psshBox(systemId, [key.keyId], Buffer.from(psshData ?? '', 'base64')).toString('base64');
}
