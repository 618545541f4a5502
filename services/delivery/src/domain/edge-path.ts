/** What a path on the edge names. Everything that is not one of these is not there. */
export type EdgePath =
  | ManifestPath
  | StoredFilePath
  | { readonly kind: 'storyboard'; readonly playbackId: string }
  | { readonly kind: 'key'; readonly playbackId: string; readonly keyId: string }
  | { readonly kind: 'clearkey'; readonly playbackId: string }
  | { readonly kind: 'thumbnail'; readonly playbackId: string }
  | { readonly kind: 'player' | 'beacon'; readonly playbackId: string }
  | { readonly kind: 'route'; readonly playbackId: string }
  | { readonly kind: 'init'; readonly playbackId: string; readonly track: string }
  | {
      readonly kind: 'segment';
      readonly playbackId: string;
      readonly track: string;
      readonly segment: number;
    }
  | {
      readonly kind: 'asset';
      /** Of the release; whatever it is, the file is that of this one. */
      readonly version?: string | undefined;
      readonly name: string;
    };

/** A file that lies beside the segments. */
export type StoredFilePath =
  | { readonly kind: 'poster' | 'waveform'; readonly playbackId: string }
  | { readonly kind: 'sprite'; readonly playbackId: string; readonly sprite: number }
  | { readonly kind: 'text'; readonly playbackId: string; readonly track: string }
  | { readonly kind: 'download'; readonly playbackId: string; readonly name: string };

/** A playlist or manifest. */
export type ManifestPath =
  | { readonly kind: 'master' | 'mpd'; readonly playbackId: string }
  | { readonly kind: 'media' | 'iframes'; readonly playbackId: string; readonly track: string };

const id = '(?<playbackId>pbk_[0-9a-f]{32})';
const name = '[A-Za-z0-9][A-Za-z0-9_-]*(?:\\.[A-Za-z0-9_-]+)*';
const track = `(?<track>(?:video|audio|text)/${name})`;
const cutTrack = `(?<track>(?:video|audio)/${name})`;
const videoTrack = `(?<track>video/${name})`;
const number = '[1-9][0-9]{0,6}';

/** Longest path that is looked at. */
const maxLength = 256;

const shapes = {
  master: new RegExp(`^/v/${id}/master\\.m3u8$`),
  mpd: new RegExp(`^/v/${id}/manifest\\.mpd$`),
  poster: new RegExp(`^/v/${id}/poster\\.jpg$`),
  waveform: new RegExp(`^/v/${id}/waveform\\.json$`),
  thumbnail: new RegExp(`^/v/${id}/thumbnail\\.jpg$`),
  storyboard: new RegExp(`^/v/${id}/storyboard\\.vtt$`),
  sprite: new RegExp(`^/v/${id}/storyboard-(?<sprite>${number})\\.jpg$`),
  text: new RegExp(`^/v/${id}/(?<track>text/${name})\\.vtt$`),
  download: new RegExp(`^/v/${id}/download/(?<name>${name})$`),
  media: new RegExp(`^/v/${id}/${track}/media\\.m3u8$`),
  iframes: new RegExp(`^/v/${id}/${videoTrack}/iframes\\.m3u8$`),
  init: new RegExp(`^/v/${id}/${cutTrack}/init\\.mp4$`),
  segment: new RegExp(`^/v/${id}/${cutTrack}/(?<segment>${number})\\.m4s$`),
  key: new RegExp(`^/v/${id}/key/(?<keyId>[0-9a-f]{32})$`),
  clearkey: new RegExp(`^/v/${id}/clearkey$`),
  player: new RegExp(`^/play/${id}$`),
  beacon: new RegExp(`^/v/${id}/beacon$`),
  asset: new RegExp(`^/play/assets/(?:(?<version>[0-9a-f]{12})/)?(?<name>${name})$`),
  route: new RegExp(`^/route/${id}$`),
} as const satisfies Record<EdgePath['kind'], RegExp>;

const kinds = Object.keys(shapes) as EdgePath['kind'][];

/** Whether a path is the edge's to answer, if only with 404. */
export function belongsToEdge(path: string): boolean {
  return /^\/(?:v|play|route)(?:\/|$)/.test(path);
}

/**
 * Reads the path of a request as it came, without its query. A resource has exactly one path: nothing is decoded,
 * collapsed or completed, so what the caches in front key on is what is served.
 */
export function parseEdgePath(path: string): EdgePath | undefined {
  if (path.length > maxLength) return undefined;
  for (const kind of kinds) {
    const groups = shapes[kind].exec(path)?.groups;
    if (!groups) continue;
    const { segment, sprite, version, ...words } = groups;
    const optional = {
      ...(segment && { segment: Number(segment) }),
      ...(sprite && { sprite: Number(sprite) }),
      ...(version && { version }),
    };
    return { kind, ...words, ...optional } as EdgePath;
  }
  return undefined;
}

/** The path of a resource: what `parseEdgePath` reads. */
export function edgePath(to: EdgePath): string {
  switch (to.kind) {
    case 'master':
      return `/v/${to.playbackId}/master.m3u8`;
    case 'mpd':
      return `/v/${to.playbackId}/manifest.mpd`;
    case 'poster':
      return `/v/${to.playbackId}/poster.jpg`;
    case 'waveform':
      return `/v/${to.playbackId}/waveform.json`;
    case 'thumbnail':
      return `/v/${to.playbackId}/thumbnail.jpg`;
    case 'storyboard':
      return `/v/${to.playbackId}/storyboard.vtt`;
    case 'sprite':
      return `/v/${to.playbackId}/storyboard-${to.sprite}.jpg`;
    case 'text':
      return `/v/${to.playbackId}/${to.track}.vtt`;
    case 'download':
      return `/v/${to.playbackId}/download/${to.name}`;
    case 'media':
      return `/v/${to.playbackId}/${to.track}/media.m3u8`;
    case 'iframes':
      return `/v/${to.playbackId}/${to.track}/iframes.m3u8`;
    case 'init':
      return `/v/${to.playbackId}/${to.track}/init.mp4`;
    case 'segment':
      return `/v/${to.playbackId}/${to.track}/${to.segment}.m4s`;
    case 'key':
      return `/v/${to.playbackId}/key/${to.keyId}`;
    case 'clearkey':
      return `/v/${to.playbackId}/clearkey`;
    case 'player':
      return `/play/${to.playbackId}`;
    case 'beacon':
      return `/v/${to.playbackId}/beacon`;
    case 'asset':
      return `/play/assets/${to.version ? `${to.version}/` : ''}${to.name}`;
    case 'route':
      return `/route/${to.playbackId}`;
  }
}

/** The patterns of the paths, for spans and metrics. */
export const routePatterns: Readonly<Record<EdgePath['kind'], string>> = {
  master: '/v/{playbackId}/master.m3u8',
  mpd: '/v/{playbackId}/manifest.mpd',
  poster: '/v/{playbackId}/poster.jpg',
  waveform: '/v/{playbackId}/waveform.json',
  thumbnail: '/v/{playbackId}/thumbnail.jpg',
  storyboard: '/v/{playbackId}/storyboard.vtt',
  sprite: '/v/{playbackId}/storyboard-{sprite}.jpg',
  text: '/v/{playbackId}/{track}.vtt',
  download: '/v/{playbackId}/download/{name}',
  media: '/v/{playbackId}/{track}/media.m3u8',
  iframes: '/v/{playbackId}/{track}/iframes.m3u8',
  init: '/v/{playbackId}/{track}/init.mp4',
  segment: '/v/{playbackId}/{track}/{segment}.m4s',
  key: '/v/{playbackId}/key/{keyId}',
  clearkey: '/v/{playbackId}/clearkey',
  player: '/play/{playbackId}',
  beacon: '/v/{playbackId}/beacon',
  asset: '/play/assets/{name}',
  route: '/route/{playbackId}',
};
