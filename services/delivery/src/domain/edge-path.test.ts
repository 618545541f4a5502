import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { belongsToEdge, type EdgePath, edgePath, parseEdgePath } from './edge-path.ts';

const playbackId = `pbk_${'0123456789abcdef'.repeat(2)}`;
const track = 'video/h264-720p';

const idOf = fc.stringMatching(/^[0-9a-f]{32}$/).map((hex) => `pbk_${hex}`);
const fileOf = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,30}(\.[A-Za-z0-9_-]{1,9})?$/);
const below = (...folders: string[]) =>
  fc.tuple(fc.constantFrom(...folders), fileOf).map(([folder, name]) => `${folder}/${name}`);
const cutTrackOf = below('video', 'audio');
const textTrackOf = below('text');
const videoTrackOf = below('video');
const trackOf = fc.oneof(cutTrackOf, textTrackOf);
const known: fc.Arbitrary<EdgePath> = fc.oneof(
  fc.record({
    kind: fc.constantFrom(
      'master' as const,
      'mpd' as const,
      'poster' as const,
      'waveform' as const,
      'storyboard' as const,
      'thumbnail' as const,
      'player' as const,
      'beacon' as const,
      'route' as const,
    ),
    playbackId: idOf,
  }),
  fc.record({ kind: fc.constant('media' as const), playbackId: idOf, track: trackOf }),
  fc.record({ kind: fc.constant('iframes' as const), playbackId: idOf, track: videoTrackOf }),
  fc.record({ kind: fc.constant('init' as const), playbackId: idOf, track: cutTrackOf }),
  fc.record({ kind: fc.constant('text' as const), playbackId: idOf, track: textTrackOf }),
  fc.record({
    kind: fc.constant('sprite' as const),
    playbackId: idOf,
    sprite: fc.integer({ min: 1, max: 9999 }),
  }),
  fc.record({ kind: fc.constant('download' as const), playbackId: idOf, name: fileOf }),
  fc.record({
    kind: fc.constant('segment' as const),
    playbackId: idOf,
    track: cutTrackOf,
    segment: fc.integer({ min: 1, max: 9_999_999 }),
  }),
  fc.record(
    {
      kind: fc.constant('asset' as const),
      version: fc.stringMatching(/^[0-9a-f]{12}$/),
      name: fc.stringMatching(/^[a-z]{1,9}\.(js|css)$/),
    },
    { requiredKeys: ['kind', 'name'] },
  ),
);

describe('a path on the edge', () => {
  test('is read back as it is written', () => {
    fc.assert(
      fc.property(known, (to) => {
        expect(parseEdgePath(edgePath(to))).toEqual(to);
      }),
    );
  });

  test('has one spelling: whatever is accepted is written back the same', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '/',
        '//',
        '..',
        '.',
        '%2f',
        '%2F',
        '%00',
        '\0',
        '\n',
        '\\',
        '?',
        '#',
        '0',
        '1',
        '.m4s',
      ),
      fc.constantFrom(
        'v',
        'play',
        'assets',
        'route',
        'video',
        'audio',
        'h264-720p',
        playbackId,
        track,
        'master.m3u8',
      ),
      fc.constantFrom('manifest.mpd', 'media.m3u8', 'init.mp4', 'poster.jpg', ' ', 'é', '\u2028'),
      fc.string({ unit: 'binary', maxLength: 4 }),
    );
    const changed = fc.tuple(known, piece, fc.nat(120), fc.nat(3)).map(([to, extra, at, cut]) => {
      const path = edgePath(to);
      return path.slice(0, at) + extra + path.slice(at + cut);
    });
    const anything = fc.oneof(
      changed,
      fc.array(piece, { maxLength: 12 }).map((parts) => `/${parts.join('')}`),
    );
    fc.assert(
      fc.property(anything, (path) => {
        const to = parseEdgePath(path);
        if (to === undefined) return;
        expect(edgePath(to)).toBe(path);
        expect(path).toMatch(/^\/[A-Za-z0-9._/-]{1,255}$/);
        expect(path).not.toMatch(/\.\.|\/\.|\/\//);
      }),
      { numRuns: 3000 },
    );
  });

  test.each([
    ['encoded slash', `/v/${playbackId}/video%2Fh264-720p/1.m4s`],
    ['parent folder', `/v/${playbackId}/video/../1.m4s`],
    ['dotted track', `/v/${playbackId}/video/a..b/1.m4s`],
    ['hidden track', `/v/${playbackId}/video/.a/1.m4s`],
    ['unknown kind of track', `/v/${playbackId}/images/x/1.m4s`],
    ['deeper track', `/v/${playbackId}/video/a/b/1.m4s`],
    ['segment of text', `/v/${playbackId}/text/en/1.m4s`],
    ['pictures of sound', `/v/${playbackId}/audio/aac/iframes.m3u8`],
    ['text that is no text track', `/v/${playbackId}/video/h264-720p.vtt`],
    ['deeper download', `/v/${playbackId}/download/a/b.mp4`],
    ['hidden download', `/v/${playbackId}/download/.mp4`],
    ['picture 0', `/v/${playbackId}/storyboard-0.jpg`],
    ['segment 0', `/v/${playbackId}/${track}/0.m4s`],
    ['leading zero', `/v/${playbackId}/${track}/01.m4s`],
    ['signed number', `/v/${playbackId}/${track}/-1.m4s`],
    ['long number', `/v/${playbackId}/${track}/10000000.m4s`],
    ['upper-case id', `/v/${playbackId.toUpperCase()}/master.m3u8`],
    ['asset id', `/v/ast_${'0'.repeat(32)}/master.m3u8`],
    ['slash at the end', `/v/${playbackId}/master.m3u8/`],
    ['line end', `/v/${playbackId}/master.m3u8\n`],
    ['NUL', `/v/${playbackId}/master.m3u8\0`],
    ['over-long', `/v/${playbackId}/video/${'a'.repeat(300)}/1.m4s`],
    ['folder', `/v/${playbackId}`],
  ])('is refused: %s', (_, path) => {
    expect(parseEdgePath(path)).toBeUndefined();
    expect(belongsToEdge(path)).toBe(true);
  });

  test('leaves to others what is theirs', () => {
    for (const path of [
      '/',
      '',
      '/upload/tus',
      '/version',
      '/playground',
      '/kerkis.catalog.v1.AssetService/GetAsset',
    ])
      expect(belongsToEdge(path)).toBe(false);
  });
});
