import { attributeList, quoted, uri } from './attributes.ts';
import { type PlaylistOptions, type Presentation, playableTracks, type Track } from './presentation.ts';
import { audioGroups, isLadder, mediaTags, type RenditionGroup } from './renditions.ts';

interface Variant {
  readonly track: Track;
  /** Everything in it is of kinds that every player plays. */
  readonly isCommon: boolean;
  readonly audioGroup: string | undefined;
  readonly peakBps: number;
  readonly averageBps: number;
  readonly line: string;
}

const textGroupId = 'text';

function wholeBps(bps: number): number {
  return Number.isFinite(bps) ? Math.max(1, Math.ceil(bps)) : 1;
}

/** The heaviest rendition counts: a client that picks it must not be told less. */
function heaviest(tracks: readonly Track[], rate: (track: Track) => number): number {
  return tracks.reduce((most, track) => Math.max(most, wholeBps(rate(track))), 0);
}

function frameRate(track: Track): string | undefined {
  const rate = track.video?.frameRate;
  return rate === undefined ? undefined : (rate.num / rate.den).toFixed(3);
}

function variant(track: Track, audio: RenditionGroup | undefined, texts: readonly Track[]): Variant {
  const pictures = track.kind === 'video' ? [track] : [];
  const sounds = audio?.tracks ?? (track.kind === 'audio' ? [track] : []);
  const total = (rate: (track: Track) => number): number =>
    heaviest(pictures, rate) + heaviest(sounds, rate) + heaviest(texts, rate);
  const averageBps = total((other) => other.averageBandwidthBps);
  const peakBps = Math.max(
    averageBps,
    total((other) => other.peakBandwidthBps),
  );
  // WebVTT files have no sample type of their own: `wvtt` would be text inside of MP4.
  const codecs = new Set([...pictures, ...sounds].map((other) => other.codec));
  const video = track.video;
  const isCommon =
    [...codecs].every((codec) => /^(?:avc1|mp4a)\./.test(codec)) && (video?.videoRange ?? 'SDR') === 'SDR';
  const attributes = attributeList({
    BANDWIDTH: String(peakBps),
    'AVERAGE-BANDWIDTH': String(averageBps),
    CODECS: quoted([...codecs].join(',')),
    RESOLUTION: video === undefined ? undefined : `${video.width}x${video.height}`,
    'FRAME-RATE': frameRate(track),
    'VIDEO-RANGE': video === undefined ? undefined : (video.videoRange ?? 'SDR'),
    'STABLE-VARIANT-ID': quoted(track.name),
    AUDIO: audio === undefined ? undefined : quoted(audio.id),
    SUBTITLES: texts.length === 0 ? undefined : quoted(textGroupId),
    'CLOSED-CAPTIONS': video === undefined ? undefined : 'NONE',
  });
  return {
    track,
    isCommon,
    audioGroup: audio?.id,
    peakBps,
    averageBps,
    line: `#EXT-X-STREAM-INF:${attributes}`,
  };
}

/**
 * From the lowest bitrate to the highest, behind the one that players which know nothing yet are to begin with: of what plays
 * everywhere (H.264, SDR, the smallest group of AAC) the best within the bandwidth, else the smallest.
 */
function ordered(variants: readonly Variant[], startBandwidthBps: number): Variant[] {
  const rising = variants.toSorted((a, b) => a.peakBps - b.peakBps);
  const common = rising.filter(({ isCommon }) => isCommon);
  const candidates = common.length > 0 ? common : rising;
  const alike = candidates.filter(({ audioGroup }) => audioGroup === candidates[0]?.audioGroup);
  const first = alike.findLast(({ averageBps }) => averageBps <= startBandwidthBps) ?? alike[0];
  return first === undefined ? rising : [first, ...rising.filter((other) => other !== first)];
}

/** Pictures for scrubbing, where their track is one of those to play. */
function iframeTags(
  { iframes }: Presentation,
  videos: readonly Track[],
  { query }: PlaylistOptions,
): string[] {
  const track = videos.find(({ name }) => name === iframes?.track);
  if (iframes === undefined || track === undefined) return [];
  const averageBps = wholeBps(iframes.averageBandwidthBps);
  const attributes = attributeList({
    BANDWIDTH: String(Math.max(averageBps, wholeBps(iframes.peakBandwidthBps))),
    'AVERAGE-BANDWIDTH': String(averageBps),
    CODECS: quoted(track.codec),
    RESOLUTION: `${track.video?.width}x${track.video?.height}`,
    'VIDEO-RANGE': track.video?.videoRange ?? 'SDR',
    'STABLE-VARIANT-ID': quoted(`${track.name}/iframes`),
    URI: quoted(uri(`${track.name}/iframes.m3u8`, query)),
  });
  return [`#EXT-X-I-FRAME-STREAM-INF:${attributes}`];
}

function videoVariants(videos: Track[], groups: RenditionGroup[], texts: Track[]): Variant[] {
  const beside = groups.length === 0 ? [undefined] : groups;
  return beside.flatMap((group) => videos.map((video) => variant(video, group, texts)));
}

/** Without video each quality is a variant; where there is a choice of languages, each group is one. */
function audioVariants(audios: Track[], groups: RenditionGroup[], texts: Track[]): Variant[] {
  if (groups.length === 0) return audios.map((audio) => variant(audio, undefined, texts));
  return groups.flatMap((group) => {
    const main = group.tracks.find((track) => track.audio?.isDefault) ?? group.tracks[0];
    return main === undefined ? [] : [variant(main, group, texts)];
  });
}

/**
 * The multivariant playlist (RFC 8216bis), to be served beside the track folders: its URIs are
 * `<name>/media.m3u8`. Variants go from the lowest bitrate to the highest, behind the one to begin with. No variant needs
 * SUPPLEMENTAL-CODECS: that is for enhancements of the same bytes (Dolby Vision), HDR10 and HLG are told by CODECS and VIDEO-RANGE.
 * Throws RangeError when there is nothing to play or a track cannot be written.
 */
export function multivariantPlaylist(presentation: Presentation, options: PlaylistOptions = {}): string {
  const tracks = playableTracks(presentation);
  const videos = tracks.filter((track) => track.kind === 'video');
  const audios = tracks.filter((track) => track.kind === 'audio');
  const texts = tracks.filter((track) => track.kind === 'text');
  const audioOnly = videos.length === 0;
  if (audioOnly && audios.length === 0) {
    throw new RangeError('A presentation needs a video or audio track with at least one segment.');
  }
  const groups = audioOnly && isLadder(audios) ? [] : audioGroups(audios);
  const variants = audioOnly ? audioVariants(audios, groups, texts) : videoVariants(videos, groups, texts);

  const lines = ['#EXTM3U', '#EXT-X-VERSION:7', '#EXT-X-INDEPENDENT-SEGMENTS'];
  for (const group of groups) lines.push(...mediaTags('AUDIO', group, options));
  if (texts.length > 0) lines.push(...mediaTags('SUBTITLES', { id: textGroupId, tracks: texts }, options));
  for (const { track, line } of ordered(variants, presentation.startBandwidthBps ?? 0)) {
    lines.push(line, uri(`${track.name}/media.m3u8`, options.query));
  }
  lines.push(...iframeTags(presentation, videos, options));
  return `${lines.join('\n')}\n`;
}
