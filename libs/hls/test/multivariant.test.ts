import { M3U8Parser } from 'hls.js';
import { Parser } from 'm3u8-parser';
import { describe, expect, test } from 'vitest';
import { multivariantPlaylist, type Presentation } from '../src/index.ts';
import {
  audio,
  bilingual,
  durationMs,
  film,
  podcast,
  remuxed,
  rich,
  silent,
  text,
  video,
} from './presentations.ts';

function parse(playlist: string) {
  const parser = new Parser();
  parser.push(playlist);
  parser.end();
  return parser.manifest;
}

const base = 'http://edge.test/v/pb_1/master.m3u8';
const tags = (playlist: string, tag: string) =>
  playlist.split('\n').filter((line) => line.startsWith(`#${tag}:`));

describe('multivariantPlaylist', () => {
  test.each(Object.entries({ film, remuxed, rich, podcast, bilingual, silent }))(
    '%s equals its golden file',
    async (name, input) => {
      await expect(multivariantPlaylist(input)).toMatchFileSnapshot(`golden/${name}.m3u8`);
    },
  );

  test('every attribute comes back from the parser of videojs', () => {
    const manifest = parse(multivariantPlaylist(film));
    expect(manifest.version).toBe(7);
    expect(manifest.independentSegments).toBe(true);
    expect(manifest.playlists?.map(({ uri, attributes }) => ({ uri, ...attributes }))).toEqual([
      {
        uri: 'video/h264-360p/media.m3u8',
        BANDWIDTH: 932_000,
        'AVERAGE-BANDWIDTH': '768000',
        CODECS: 'avc1.4d401e,mp4a.40.2',
        RESOLUTION: { width: 640, height: 360 },
        'FRAME-RATE': 29.97,
        'VIDEO-RANGE': 'SDR',
        'STABLE-VARIANT-ID': 'video/h264-360p',
        AUDIO: 'audio-mp4a-2ch',
        'CLOSED-CAPTIONS': 'NONE',
      },
      expect.objectContaining({
        uri: 'video/h264-720p/media.m3u8',
        BANDWIDTH: 2_932_000,
        'AVERAGE-BANDWIDTH': '2368000',
        CODECS: 'avc1.64001f,mp4a.40.2',
        RESOLUTION: { width: 1280, height: 720 },
      }),
    ]);
    expect(manifest.mediaGroups.AUDIO).toEqual({
      'audio-mp4a-2ch': {
        English: { default: true, autoselect: true, language: 'en', uri: 'audio/aac-en-128k/media.m3u8' },
      },
    });
  });

  test('several codecs: each variant names its own, and each audio codec is a group', () => {
    const codecs = ['avc1.64001f', 'hvc1.1.6.L93.90', 'vp09.00.31.08', 'av01.0.05M.08'];
    const videos = codecs.map((codec) =>
      video(720, 2_000_000, { name: `video/${codec.slice(0, 4)}-720p`, codec }),
    );
    const aac = audio('en', { group: 'aac-1', isDefault: true });
    const opus = audio(
      'en',
      { group: 'opus-2', isDefault: true, sampleRate: 48_000 },
      {
        name: 'audio/opus-en-96k',
        codec: 'opus',
        timescale: 48_000,
        segments: [{ count: 3, duration: 160_320 }],
      },
    );
    const playlist = multivariantPlaylist({ durationMs, tracks: [...videos, aac, opus] });
    const parsed = M3U8Parser.parseMasterPlaylist(playlist, base);
    expect(parsed.levels.map(({ attrs }) => `${attrs.CODECS} ${attrs.AUDIO}`).toSorted()).toEqual(
      codecs.flatMap((codec) => [`${codec},mp4a.40.2 aac-1`, `${codec},opus opus-2`]).toSorted(),
    );
    const media = M3U8Parser.parseMasterPlaylistMedia(playlist, base, parsed);
    expect(media.AUDIO?.map((track) => [track.groupId, track.default])).toEqual([
      ['aac-1', true],
      ['opus-2', true],
    ]);
  });

  test('a language without surround is heard in stereo beside the surround of others, and stereo comes first', () => {
    const stereo = (language: string) =>
      audio(language, { group: 'aac-1', isDefault: language === 'en' }, { name: `audio/${language}-2` });
    const surround = audio(
      'en',
      { group: 'aac-2', channels: 6, isDefault: true },
      { name: 'audio/en-6', peakBandwidthBps: 400_000 },
    );
    const tracks = [video(720, 2_000_000), stereo('en'), surround, stereo('de')];
    const playlist = multivariantPlaylist({ durationMs, tracks });
    const parsed = M3U8Parser.parseMasterPlaylist(playlist, base);
    expect(parsed.levels.map(({ attrs }) => attrs.AUDIO)).toEqual(['aac-1', 'aac-2']);
    const media = M3U8Parser.parseMasterPlaylistMedia(playlist, base, parsed);
    expect(media.AUDIO?.map((track) => [track.groupId, track.lang, track.channels, track.default])).toEqual([
      ['aac-1', 'en', '2', true],
      ['aac-1', 'de', '2', false],
      ['aac-2', 'en', '6', true],
      ['aac-2', 'de', '2', false],
    ]);
  });

  test('hls.js reads levels, codecs, languages and groups of a rich presentation', () => {
    const playlist = multivariantPlaylist(rich);
    const parsed = M3U8Parser.parseMasterPlaylist(playlist, base);
    expect(parsed.playlistParsingError).toBeNull();
    // Three rungs, each beside stereo and beside surround.
    expect(parsed.levels).toHaveLength(6);
    const av1 = parsed.levels.filter((level) => level.videoCodec?.startsWith('av01'));
    expect(av1.map((level) => level.audioCodec)).toEqual(['mp4a.40.2', 'ec-3']);
    expect(av1[0]?.attrs['VIDEO-RANGE']).toBe('PQ');
    expect(av1[0]?.height).toBe(2160);
    const media = M3U8Parser.parseMasterPlaylistMedia(playlist, base, parsed);
    expect(
      media.AUDIO?.map((track) => [track.groupId, track.name, track.lang, track.default, track.channels]),
    ).toEqual([
      ['stereo', 'English', 'en', true, '2'],
      ['stereo', 'Français', 'fr', false, '2'],
      ['stereo', 'Commentary', 'en', false, '2'],
      ['surround', 'English', 'en', true, '6'],
      ['surround', 'Français', 'fr', false, '6'],
      ['surround', 'Commentary', 'en', false, '6'],
    ]);
    expect(media.AUDIO?.[0]?.url).toBe('http://edge.test/v/pb_1/audio/en-stereo/media.m3u8');
    // One automatic choice for a language: the commentary is only picked by hand.
    expect(media.AUDIO?.slice(0, 3).map((track) => track.autoselect)).toEqual([true, true, false]);
    expect(media.SUBTITLES?.map((track) => [track.name, track.lang, track.default, track.forced])).toEqual([
      ['English', 'en', false, false],
      ['French', 'fr', true, false],
      ['Panneaux', 'fr', false, true],
    ]);
  });

  test('an audio-only presentation has its qualities as variants', () => {
    const manifest = parse(multivariantPlaylist(podcast));
    expect(manifest.playlists?.map(({ uri, attributes }) => ({ uri, ...attributes }))).toEqual([
      {
        uri: 'audio/aac-und-64k/media.m3u8',
        BANDWIDTH: 66_000,
        'AVERAGE-BANDWIDTH': '64000',
        CODECS: 'mp4a.40.5',
        'STABLE-VARIANT-ID': 'audio/aac-und-64k',
      },
      expect.objectContaining({
        uri: 'audio/aac-und-128k/media.m3u8',
        CODECS: 'mp4a.40.2',
        BANDWIDTH: 132_000,
      }),
    ]);
    expect(tags(multivariantPlaylist(podcast), 'EXT-X-MEDIA')).toEqual([]);
  });

  test('audio-only in two languages is one variant with a choice', () => {
    const manifest = parse(multivariantPlaylist(bilingual));
    expect(manifest.playlists?.map(({ uri }) => uri)).toEqual(['audio/aac-el-128k/media.m3u8']);
    expect(Object.keys(manifest.mediaGroups.AUDIO?.['audio-mp4a-2ch'] ?? {})).toEqual(['German', 'Greek']);
  });

  test('silent video names no audio', () => {
    const playlist = multivariantPlaylist(silent);
    expect(playlist).not.toContain('AUDIO=');
    expect(parse(playlist).playlists?.[0]?.attributes).toMatchObject({
      CODECS: 'avc1.64001f',
      RESOLUTION: { width: 720, height: 1280 },
      'FRAME-RATE': 25,
    });
  });

  test('tracks that say the same get names of their own and one of them is the default', () => {
    const twins: Presentation = {
      durationMs,
      tracks: [video(360, 1), audio('', {}, { name: 'audio/a' }), audio('', {}, { name: 'audio/b' })],
    };
    const group = parse(multivariantPlaylist(twins)).mediaGroups.AUDIO?.['audio-mp4a-2ch'];
    expect(Object.entries(group ?? {}).map(([name, track]) => [name, track.default, track.language])).toEqual(
      [
        ['Audio', true, undefined],
        ['Audio 2', false, undefined],
      ],
    );
  });

  test('a peak below the mean is raised to it, and a missing one is still a positive number', () => {
    const odd: Presentation = {
      durationMs,
      tracks: [video(360, 0, { peakBandwidthBps: 10, averageBandwidthBps: 99.2 }), video(720, Number.NaN)],
    };
    const rates = parse(multivariantPlaylist(odd)).playlists?.map(({ attributes }) => attributes.BANDWIDTH);
    expect(rates).toEqual([1, 100]);
  });

  test('the query goes on every URI and cannot leave it', () => {
    const playlist = multivariantPlaylist(
      { durationMs, tracks: [...film.tracks, text('en')] },
      { query: 't=a.b&x="\n#y ü' },
    );
    const manifest = parse(playlist);
    const suffix = '?t=a.b&x=%22%0A%23y%20%C3%BC';
    for (const entry of manifest.playlists ?? []) expect(entry.uri).toMatch(/media\.m3u8\?/);
    expect(manifest.playlists?.[0]?.uri).toBe(`video/h264-360p/media.m3u8${suffix}`);
    expect(manifest.mediaGroups.AUDIO?.['audio-mp4a-2ch']?.English?.uri).toBe(
      `audio/aac-en-128k/media.m3u8${suffix}`,
    );
    expect(manifest.mediaGroups.SUBTITLES?.text?.English?.uri).toBe(`text/en/media.m3u8${suffix}`);
  });

  test('tracks without segments are left out', () => {
    const tracks = [
      ...film.tracks,
      audio('fr', {}, { segments: [] }),
      audio('it', {}, { segments: [{ count: 0, duration: 1 }] }),
    ];
    expect(multivariantPlaylist({ durationMs, tracks })).toBe(multivariantPlaylist(film));
  });

  test.each([
    ['nothing to play', []],
    ['only text', [text('en')]],
    ['a name that climbs', [video(360, 1, { name: '../../secret' })]],
    ['a name that ends the line', [video(360, 1, { name: 'video/a\n#EXT-X-KEY:METHOD=NONE' })]],
    ['a codec that ends the string', [video(360, 1, { codec: 'avc1",URI="x' })]],
    ['a name used twice', [video(360, 1), video(360, 2)]],
    ['no picture size', [video(360, 1, { video: undefined })]],
    ['a timescale of 0', [video(360, 1, { timescale: 0 })]],
  ])('%s is refused', (_, tracks) => {
    expect(() => multivariantPlaylist({ durationMs, tracks })).toThrow(RangeError);
  });
});
