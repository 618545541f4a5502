import { M3U8Parser } from 'hls.js';
import { Parser } from 'm3u8-parser';
import { parse as parseMpd } from 'mpd-parser';

/** What parsers that were not written here find in the playlists and the manifest of one thing to play. */
export interface ReadManifests {
  /** CODECS of the variants of HLS, without repetition. */
  readonly codecs: readonly string[];
  /** Codecs of the video and sound of DASH, without repetition. */
  readonly dashCodecs: readonly string[];
  /** Lengths of all playlists of tracks, seconds. */
  readonly seconds: readonly number[];
  readonly iframePlaylists: number;
}

/** Reads everything with the parsers of hls.js and of video.js. Throws when one of them is not content. */
export async function readManifests(hls: string, mpd: string): Promise<ReadManifests> {
  const master = await textOf(hls);
  const parsed = M3U8Parser.parseMasterPlaylist(master, hls);
  if (parsed.playlistParsingError) throw parsed.playlistParsingError;
  const media = M3U8Parser.parseMasterPlaylistMedia(master, hls, parsed);
  const sounds = media.AUDIO ?? [];
  const texts = media.SUBTITLES ?? [];
  const urls = new Set(
    [...parsed.levels, ...sounds, ...texts, ...parsed.iframeVariants].map(({ url }) => url),
  );
  const read = readByVideoJs(master, hls);
  if (read.playlists?.length !== parsed.levels.length) throw new Error('The parsers see other variants.');
  const seconds = await Promise.all([...urls].map(lengthOf));
  const manifest = parseMpd(await textOf(mpd), { manifestUri: mpd });
  const groups = Object.values(manifest.mediaGroups.AUDIO ?? {}).flatMap((group) => Object.values(group));
  const dash = [...manifest.playlists, ...groups.flatMap(({ playlists }) => playlists)];
  return {
    codecs: [...new Set(parsed.levels.map(({ attrs }) => attrs.CODECS ?? ''))],
    dashCodecs: [...new Set(dash.map(({ attributes }) => String(attributes.CODECS)))],
    seconds,
    iframePlaylists: parsed.iframeVariants.length,
  };
}

/** Length of the playlist of a track, on which both parsers must agree. */
async function lengthOf(url: string): Promise<number> {
  const playlist = await textOf(url);
  const details = M3U8Parser.parseLevelPlaylist(playlist, url, 0, 'main' as never, 0, null);
  if (details.playlistParsingError) throw details.playlistParsingError;
  const other = readByVideoJs(playlist, url).segments.reduce((sum, { duration }) => sum + duration, 0);
  if (Math.abs(other - details.totalduration) > 1e-3) throw new Error(`The parsers differ on ${url}.`);
  return details.totalduration;
}

function readByVideoJs(text: string, url: string): Parser['manifest'] {
  const parser = new Parser();
  const warnings: unknown[] = [];
  for (const event of ['warn', 'error']) parser.on(event, (warning) => warnings.push(warning));
  parser.push(text);
  parser.end();
  if (warnings.length > 0) throw new Error(`m3u8-parser on ${url}: ${JSON.stringify(warnings)}`);
  return parser.manifest;
}

async function textOf(url: string): Promise<string> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${response.status} of ${url}`);
  return response.text();
}
