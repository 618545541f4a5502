import { M3U8Parser } from 'hls.js';
import { Parser } from 'm3u8-parser';
import { describe, expect, test } from 'vitest';
import { iframePlaylist, mediaPlaylist, multivariantPlaylist, type Presentation } from '../src/index.ts';
import { audio, durationMs, film, video } from './presentations.ts';

const track = video(360, 800_000);
const ranges = [
  { offset: 28, sizeBytes: 9_000 },
  { offset: 28, sizeBytes: 8_000 },
  { offset: 0, sizeBytes: 700 },
];
const scrubbed: Presentation = {
  ...film,
  iframes: { track: track.name, peakBandwidthBps: 17_982.1, averageBandwidthBps: 14_192.4 },
};

function parse(playlist: string) {
  const parser = new Parser();
  parser.push(playlist);
  parser.end();
  return parser.manifest;
}

describe('pictures for scrubbing', () => {
  test('are the beginnings of the segments, with the times of these', async () => {
    const playlist = iframePlaylist(track, ranges, { query: 'g=1', targetSeconds: 6 });
    await expect(playlist).toMatchFileSnapshot('golden/video-iframes.m3u8');
    const manifest = parse(playlist);
    const pictures = manifest.segments.map(({ uri, duration, byterange }) => ({
      uri,
      duration,
      ...byterange,
    }));
    const durations = parse(mediaPlaylist(track)).segments.map(({ duration }) => duration);
    expect(manifest).toMatchObject({ iFramesOnly: true, endList: true, targetDuration: 6 });
    expect(pictures).toEqual(
      ranges.map(({ offset, sizeBytes: length }, i) => ({
        uri: `${i + 1}.m4s?g=1`,
        duration: durations[i],
        offset,
        length,
      })),
    );
    const url = 'http://edge.test/v/p/video/h264-360p/iframes.m3u8';
    const details = M3U8Parser.parseLevelPlaylist(playlist, url, 0, 'main' as never, 0, null);
    expect(details.playlistParsingError).toBeNull();
    expect(
      details.fragments.map(({ byteRange, initSegment }) => [...byteRange, initSegment?.relurl]),
    ).toEqual(ranges.map(({ offset, sizeBytes }) => [offset, offset + sizeBytes, 'init.mp4?g=1']));
  });

  test('are a stream beside the variants, which both parsers know', () => {
    const playlist = multivariantPlaylist(scrubbed, { query: 'g=1' });
    const parsed = M3U8Parser.parseMasterPlaylist(playlist, 'http://edge.test/v/p/master.m3u8');
    expect(parsed.levels).toHaveLength(2);
    expect(
      parsed.iframeVariants.map(({ url, bitrate, height, attrs }) => ({ url, bitrate, height, ...attrs })),
    ).toEqual([
      expect.objectContaining({
        url: 'http://edge.test/v/p/video/h264-360p/iframes.m3u8?g=1',
        bitrate: 17_983,
        height: 360,
        BANDWIDTH: '17983',
        CODECS: 'avc1.4d401e',
        'VIDEO-RANGE': 'SDR',
        'STABLE-VARIANT-ID': 'video/h264-360p/iframes',
      }),
    ]);
    expect(parse(playlist).iFramePlaylists?.map(({ uri }) => uri)).toEqual([
      'video/h264-360p/iframes.m3u8?g=1',
    ]);
  });

  test('are left out with their track', () => {
    const without = { ...scrubbed, tracks: film.tracks.filter(({ name }) => name !== track.name) };
    expect(multivariantPlaylist(without)).not.toContain('I-FRAME');
  });

  test('go as far as the segments, as of a preview', () => {
    const short = { ...track, segments: [{ count: 2, duration: 120_120 }] };
    expect(parse(iframePlaylist(short, ranges)).segments).toHaveLength(2);
  });

  test.each([
    ['too few', track, ranges.slice(1)],
    ['an empty one', track, [{ offset: 1, sizeBytes: 0 }, ...ranges]],
    ['one before the file', track, [{ offset: -1, sizeBytes: 5 }, ...ranges]],
    ['of sound', audio('en'), ranges],
  ])('%s are refused', (_, of, wrong) => {
    expect(() => iframePlaylist(of, wrong)).toThrow(RangeError);
  });
});

describe('the variant to begin with', () => {
  const rungs = [
    video(360, 800_000),
    video(720, 2_000_000),
    video(1080, 5_000_000),
    video(720, 900_000, { name: 'video/av1-720p', codec: 'av01.0.05M.08' }),
    audio('en', { group: 'stereo' }),
    audio('en', { group: 'surround', channels: 6 }, { name: 'audio/6', averageBandwidthBps: 384_000 }),
  ];
  const order = (startBandwidthBps?: number, tracks = rungs) =>
    parse(multivariantPlaylist({ durationMs, tracks, startBandwidthBps })).playlists?.map(
      ({ uri, attributes }) => `${uri.split('/')[1]} ${attributes.AUDIO}`,
    );

  test('is the best that fits, of what plays everywhere; the others rise', () => {
    expect(order(2_000_000)).toEqual([
      'h264-720p stereo',
      'h264-360p stereo',
      'h264-360p surround',
      'av1-720p stereo',
      'av1-720p surround',
      'h264-720p surround',
      'h264-1080p stereo',
      'h264-1080p surround',
    ]);
  });

  test('is the smallest where nothing is told or nothing fits', () => {
    expect(order()?.[0]).toBe('h264-360p stereo');
    expect(order(5)).toEqual(order());
    const modern = rungs.filter(({ codec }) => !codec.startsWith('avc1'));
    expect(order(2_000_000, modern)).toEqual(['av1-720p stereo', 'av1-720p surround']);
    const attributes = { group: 'opus' };
    const opus = audio('en', attributes, { name: 'audio/opus', codec: 'opus', averageBandwidthBps: 48_000 });
    expect(order(2_000_000, [...rungs, { ...opus, peakBandwidthBps: 48_000 }])?.slice(0, 2)).toEqual([
      'h264-720p stereo',
      'h264-360p opus',
    ]);
  });
});
