import fc from 'fast-check';
import { Parser } from 'm3u8-parser';
import { describe, expect, test } from 'vitest';
import { audio, durationMs, video } from '../test/presentations.ts';
import { displayName, languageTag, plainText, quoted } from './attributes.ts';
import { multivariantPlaylist } from './multivariant.ts';

describe('attributes', () => {
  test('a quoted string has no way out', () => {
    expect(quoted('a"b\r\nc\u0000\u2028d')).toBe('"a\'b c d"');
    expect(quoted('\ud800x')).toBe('"\ufffdx"');
  });

  test('languages are canonical or unknown', () => {
    expect(['eng', 'pt-br', 'und', '', 'en"x', 'e\nn'].map(languageTag)).toEqual([
      'en',
      'pt-BR',
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(displayName('', 'pt-BR', 'Audio')).toBe('Brazilian Portuguese');
    expect(displayName('', 'en-u-ca-gregory', 'Audio')).toBe('English');
    expect(displayName(' \n', 'und', 'Audio')).toBe('Audio');
  });

  test('whatever label and language a track has, the playlist keeps its lines and attributes', () => {
    const text = fc.string({ unit: 'binary', maxLength: 40 });
    const nasty = fc.oneof(
      text,
      fc.constantFrom('",URI="http://evil.test/', 'x\n#EXT-X-ENDLIST', ',,=,"', '\u0085', '#'),
    );
    fc.assert(
      fc.property(nasty, nasty, nasty, (label, language, group) => {
        const tracks = [video(360, 1000), audio('en', { label, language, group })];
        const playlist = multivariantPlaylist({ durationMs, tracks });
        expect(playlist.split(/\r|\n/)).toHaveLength(7);
        const parser = new Parser();
        parser.push(playlist);
        parser.end();
        expect(parser.manifest.playlists?.map((entry) => entry.uri)).toEqual(['video/h264-360p/media.m3u8']);
        const media = playlist.split('\n').find((line) => line.startsWith('#EXT-X-MEDIA:')) ?? '';
        const values = [...media.matchAll(/([A-Z-]+)=("[^"]*"|[^",]+)(?:,|$)/g)];
        expect(values.map((match) => match[0]).join('')).toBe(media.slice('#EXT-X-MEDIA:'.length));
        expect(values.at(-1)?.[2]).toBe('"audio/aac-en-128k/media.m3u8"');
        if (plainText(label) !== '') {
          expect(values.find((match) => match[1] === 'NAME')?.[2]).toBe(quoted(label));
        }
      }),
      { numRuns: 300 },
    );
  });
});
