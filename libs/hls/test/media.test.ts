import fc from 'fast-check';
import { M3U8Parser } from 'hls.js';
import { Parser } from 'm3u8-parser';
import { describe, expect, test } from 'vitest';
import { mediaPlaylist, targetDurationSeconds } from '../src/index.ts';
import { audio, remuxed, text, video } from './presentations.ts';

function parse(playlist: string) {
  const parser = new Parser();
  parser.push(playlist);
  parser.end();
  return parser.manifest;
}

/** EXTINF values in whole microseconds, read from the text, where nothing is rounded. */
function microseconds(playlist: string): number[] {
  return [...playlist.matchAll(/^#EXTINF:(\d+)\.(\d{6}),$/gm)].map((match) =>
    Number(`${match[1]}${match[2]}`),
  );
}

describe('mediaPlaylist', () => {
  test('video and audio equal their golden files', async () => {
    await expect(mediaPlaylist(video(720, 1))).toMatchFileSnapshot('golden/video-media.m3u8');
    await expect(mediaPlaylist(audio('en'))).toMatchFileSnapshot('golden/audio-media.m3u8');
  });

  test('a text track is one WebVTT file beside the folder of its playlist', async () => {
    const playlist = mediaPlaylist(text('fr', { isForced: true }), { query: 'g=1', targetSeconds: 99 });
    await expect(playlist).toMatchFileSnapshot('golden/text-media.m3u8');
    const url = 'http://edge.test/v/p/text/fr-forced/media.m3u8?g=1';
    const details = M3U8Parser.parseLevelPlaylist(playlist, url, 0, 'subtitle' as never, 0, null);
    expect(details.playlistParsingError).toBeNull();
    expect(details.fragments.map((fragment) => [fragment.url, fragment.duration])).toEqual([
      ['http://edge.test/v/p/text/fr-forced.vtt?g=1', 9.977],
    ]);
    expect(() => mediaPlaylist({ ...text('en'), segments: [{ count: 2, duration: 1 }] })).toThrow(RangeError);
  });

  test('tracks that are cut differently share a target duration', () => {
    const targetSeconds = targetDurationSeconds([...remuxed.tracks, text('en')]);
    expect(targetSeconds).toBe(6);
    for (const track of remuxed.tracks) {
      const { targetDuration, segments } = parse(mediaPlaylist(track, { targetSeconds }));
      expect(targetDuration).toBe(6);
      expect(segments).toHaveLength(track.segments.reduce((sum, { count }) => sum + count, 0));
    }
    expect(parse(mediaPlaylist(video(720, 1), { targetSeconds: 1 })).targetDuration).toBe(4);
  });

  test('both parsers read a complete VOD playlist', () => {
    const playlist = mediaPlaylist(video(720, 1), { query: 'token=x.y' });
    const manifest = parse(playlist);
    expect(manifest).toMatchObject({
      endList: true,
      playlistType: 'VOD',
      targetDuration: 4,
      mediaSequence: 1,
    });
    expect(manifest.segments.map((segment) => [segment.uri, segment.duration, segment.map.uri])).toEqual([
      ['1.m4s?token=x.y', 4.004, 'init.mp4?token=x.y'],
      ['2.m4s?token=x.y', 4.004, 'init.mp4?token=x.y'],
      ['3.m4s?token=x.y', 1.968633, 'init.mp4?token=x.y'],
    ]);
    const url = 'http://edge.test/v/p/video/h264-720p/media.m3u8';
    const details = M3U8Parser.parseLevelPlaylist(playlist, url, 0, 'main' as never, 0, null);
    expect(details.playlistParsingError).toBeNull();
    expect(details.live).toBe(false);
    expect(details.totalduration).toBeCloseTo(9.976633, 6);
    expect(details.fragments.map((fragment) => fragment.sn)).toEqual([1, 2, 3]);
    expect(details.fragments[2]?.url).toBe('http://edge.test/v/p/video/h264-720p/3.m4s?token=x.y');
  });

  test('a track without segments is an ended playlist', () => {
    expect(parse(mediaPlaylist(video(720, 1, { segments: [] })))).toMatchObject({
      endList: true,
      segments: [],
    });
  });

  test('three hours of 44.1 kHz audio do not drift', () => {
    const segments = [{ count: 1800, duration: 258 * 1024 }];
    const sum = microseconds(mediaPlaylist(audio('en', {}, { segments }))).reduce((a, b) => a + b, 0);
    expect(sum).toBe(Math.round((1800 * 258 * 1024 * 1e6) / 44_100));
  });

  test('any track: sum exact, each segment within a microsecond, none above the target', () => {
    const run = fc.record({
      count: fc.integer({ min: 0, max: 40 }),
      duration: fc.integer({ min: 1, max: 2_000_000 }),
    });
    const timescale = fc.constantFrom(1000, 12_800, 24_000, 30_000, 44_100, 48_000, 90_000, 600_600);
    fc.assert(
      fc.property(fc.array(run, { maxLength: 12 }), timescale, (segments, ticks) => {
        const playlist = mediaPlaylist(video(360, 1, { segments, timescale: ticks }));
        const wanted = segments.flatMap((entry) => Array<number>(entry.count).fill(entry.duration));
        const written = microseconds(playlist);
        expect(written).toHaveLength(wanted.length);
        const total = wanted.reduce((a, b) => a + b, 0);
        expect(written.reduce((a, b) => a + b, 0)).toBe(Math.round((total / ticks) * 1e6));
        const manifest = parse(playlist);
        const target = manifest.targetDuration ?? 0;
        wanted.forEach((duration, index) => {
          expect(Math.abs((written[index] ?? 0) - (duration / ticks) * 1e6)).toBeLessThan(1.001);
          expect(Math.round(manifest.segments[index]?.duration ?? 0)).toBeLessThanOrEqual(target);
        });
        expect(manifest.segments.at(-1)?.uri).toBe(wanted.length === 0 ? undefined : `${wanted.length}.m4s`);
      }),
      { numRuns: 150 },
    );
  });

  test.each([
    ['a count below 0', { segments: [{ count: -1, duration: 1 }] }],
    ['a broken count', { segments: [{ count: 1.5, duration: 1 }] }],
    ['a duration of 0', { segments: [{ count: 1, duration: 0 }] }],
    ['an endless list', { segments: [{ count: 1e12, duration: 1 }] }],
  ])('%s is refused', (_, overrides) => {
    expect(() => mediaPlaylist(video(360, 1, overrides))).toThrow(RangeError);
  });
});
