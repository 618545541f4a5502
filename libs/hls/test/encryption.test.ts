import { M3U8Parser } from 'hls.js';
import { expect, test } from 'vitest';
import { mediaPlaylist } from '../src/index.ts';
import { video } from './presentations.ts';

const uri = '../../key/00112233445566778899aabbccddeeff?g=1';
const url = 'http://edge.test/v/p/video/h264-720p/media.m3u8';

function fragments(playlist: string) {
  const details = M3U8Parser.parseLevelPlaylist(playlist, url, 0, 'main' as never, 0, null);
  expect(details.playlistParsingError).toBeNull();
  return details.fragments;
}

test('whole segments have their number as IV, and a clear init segment', () => {
  const playlist = mediaPlaylist(video(720, 1), { encryption: { method: 'AES-128', keys: [{ uri }] } });
  expect(playlist.indexOf('#EXT-X-MAP')).toBeLessThan(
    playlist.indexOf(`#EXT-X-KEY:METHOD=AES-128,URI="${uri}"\n`),
  );
  const [first, second] = fragments(playlist);
  expect(first?.decryptdata).toMatchObject({
    method: 'AES-128',
    uri: 'http://edge.test/v/p/key/00112233445566778899aabbccddeeff?g=1',
    iv: Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? 1 : 0)),
  });
  expect(second?.decryptdata?.iv?.[15]).toBe(2);
  expect(first?.initSegment?.decryptdata ?? null).toBeNull();
});

test('samples are told with a key for each system, before the init segment', () => {
  const keys = [
    { uri, keyFormat: 'identity', keyFormatVersions: '1' },
    {
      uri: 'skd://a"b',
      keyFormat: 'com.apple.streamingkeydelivery',
      keyFormatVersions: '1',
      keyId: '0'.repeat(32),
    },
  ];
  const playlist = mediaPlaylist(video(720, 1), { encryption: { method: 'SAMPLE-AES', keys } });
  const lines = playlist.split('\n').filter((line) => /^#EXT-X-(?:KEY|MAP)/.test(line));
  expect(lines).toEqual([
    `#EXT-X-KEY:METHOD=SAMPLE-AES,URI="${uri}",KEYFORMAT="identity",KEYFORMATVERSIONS="1"`,
    `#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://a'b",KEYFORMAT="com.apple.streamingkeydelivery",KEYFORMATVERSIONS="1",KEYID=0x${'0'.repeat(32)}`,
    '#EXT-X-MAP:URI="init.mp4"',
  ]);
  expect(Object.keys(fragments(playlist)[0]?.levelkeys ?? {})).toEqual(
    expect.arrayContaining(['identity', 'com.apple.streamingkeydelivery']),
  );
});
