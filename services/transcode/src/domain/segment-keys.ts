/** Where the objects of one generation are. */
export interface GenerationPlace {
  readonly assetId: string;
  readonly generationId: string;
}

/** Everything that transcode stores for an asset lies below this prefix. */
export const assetPrefix = (assetId: string): string => `media/${assetId}/`;

/** Everything of one generation lies below this prefix. */
export const generationPrefix = ({ assetId, generationId }: GenerationPlace): string =>
  `${assetPrefix(assetId)}${generationId}/`;

/** The init segment of a track, below its generation. */
export const initPath = (track: string): string => `${track}/init.mp4`;

/** A media segment of a track, counted from 1, below its generation. */
export const segmentPath = (track: string, segment: number): string => `${track}/${segment}.m4s`;

/** The init segment of a track. */
export const initKey = (place: GenerationPlace, track: string): string =>
  `${generationPrefix(place)}${initPath(track)}`;

/** A media segment of a track, counted from 1. */
export const segmentKey = (place: GenerationPlace, track: string, segment: number): string =>
  `${generationPrefix(place)}${segmentPath(track, segment)}`;

/** The poster, below its generation. */
export const posterPath = 'images/poster.jpg';

/** A sprite of the storyboard, counted from 1, below its generation. */
export const spritePath = (sprite: number): string => `images/storyboard-${sprite}.jpg`;

/** The peaks of the sound, below its generation. */
export const waveformPath = 'images/waveform.json';

/** The file of a text track, below its generation. */
export const textPath = (track: string): string => `${track}.vtt`;

/** A file to download, below its generation. */
export const downloadPath = (name: string): string => `downloads/${name}`;

/** Where in the segments of a track their first pictures are, below its generation. */
export const iframesPath = (track: string): string => `${track}/iframes.json`;

/** A picture at a time, below its generation. */
export const thumbnailPath = ({ timeMs, width }: { timeMs: number; width: number }): string =>
  `images/thumbnail-${timeMs}-${width}.jpg`;
