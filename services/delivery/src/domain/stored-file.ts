import { KerkisError } from '@kerkis/errors';
import { attachment, attachmentName } from './attachment.ts';
import type { StoredFilePath } from './edge-path.ts';
import type { PlayableGeneration } from './playable-generation.ts';
import { spriteCount } from './storyboard.ts';

/** A file that lies beside the segments of a generation. */
export interface StoredFile {
  /** In the object store. */
  readonly key: string;
  readonly contentType: string;
  /** Content-Disposition of what is to be saved. */
  readonly disposition?: string;
  /** What is said when the store has none. */
  readonly absent: () => KerkisError;
}

/** The file that a path names: `not_found` with the reason of its kind for one that the generation does not have. */
export function storedFile(
  to: StoredFilePath,
  generation: Pick<
    PlayableGeneration,
    'id' | 'assetId' | 'hasPoster' | 'hasWaveform' | 'storyboard' | 'downloads' | 'tracks'
  >,
  title: string,
): StoredFile {
  const prefix = `media/${generation.assetId}/${generation.id}`;
  const absent = absentFor[to.kind];
  switch (to.kind) {
    case 'poster':
      if (!generation.hasPoster) throw absent();
      return { key: `${prefix}/images/poster.jpg`, contentType: 'image/jpeg', absent };
    case 'waveform':
      if (!generation.hasWaveform) throw absent();
      return { key: `${prefix}/images/waveform.json`, contentType: 'application/json', absent };
    case 'sprite':
      if (!generation.storyboard || to.sprite > spriteCount(generation.storyboard)) throw absent();
      return { key: `${prefix}/images/storyboard-${to.sprite}.jpg`, contentType: 'image/jpeg', absent };
    case 'text': {
      const track = generation.tracks.get(to.track);
      if (!track) throw absent();
      return { key: `${prefix}/${to.track}.vtt`, contentType: track.contentType, absent };
    }
    case 'download': {
      const download = generation.downloads.get(to.name);
      if (!download) throw absent();
      const name = attachmentName(title, to.name, generation.downloads.keys());
      return {
        key: `${prefix}/downloads/${to.name}`,
        contentType: mediaType(download.contentType),
        disposition: attachment(name),
        absent,
      };
    }
  }
}

const notFound = (reason: string, message: string) => () => new KerkisError('not_found', reason, message);

/** Reasons for what is not there. Everything but text comes when all else is encoded. */
const absentFor = {
  poster: notFound('POSTER_NOT_FOUND', 'There is no poster, or not yet.'),
  waveform: notFound('WAVEFORM_NOT_FOUND', 'There is no waveform, or not yet.'),
  sprite: notFound('STORYBOARD_NOT_FOUND', 'There is no such picture of a storyboard, or not yet.'),
  text: notFound('TEXT_NOT_FOUND', 'There is no text track of this name, or not yet.'),
  download: notFound('DOWNLOAD_NOT_FOUND', 'There is no file of this name to download, or not yet.'),
} as const satisfies Record<StoredFilePath['kind'], () => KerkisError>;

/** `not_found` STORYBOARD_NOT_FOUND, for the index of one. */
export const storyboardNotFound = absentFor.sprite;

function mediaType(told: string): string {
  return /^[a-z]+\/[a-z0-9.+-]+$/i.test(told) ? told : 'application/octet-stream';
}
