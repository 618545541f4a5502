import { createHash } from 'node:crypto';
import { toJson } from '@bufbuild/protobuf';
import type { Source } from '@kerkis/contracts/catalog';
import { type ArtefactsJson, type Profile, ProfileSchema, type TrackJson } from '@kerkis/contracts/media';
import type { GenerationPlace } from './segment-keys.ts';

/** A finished job that has made what another one is to make. Plain data: kept in the record of the other one. */
export interface Donor extends GenerationPlace {
  readonly jobId: string;
  readonly tracks: readonly TrackJson[];
  readonly artefacts: ArtefactsJson;
}

/**
 * What two jobs have in common that make the same: the bytes of the source, and what the profile asks for, whatever its name. Empty when the
 * bytes are not known yet.
 */
export function workKey({ sha256, sizeBytes }: Source, profile: Profile): string {
  if (sha256 === '') return '';
  const { name: _n, builtIn: _b, createTime: _c, ...content } = toJson(ProfileSchema, profile);
  const hash = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  return `${sha256}:${sizeBytes}:${hash}`;
}
