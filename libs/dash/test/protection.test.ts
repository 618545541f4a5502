import { DOMParser } from '@xmldom/xmldom';
import { parse } from 'mpd-parser';
import { expect, test } from 'vitest';
import { manifest, type Protection } from '../src/index.ts';
import { film } from './presentations.ts';

const keyIds = {
  video: '00112233-4455-6677-8899-aabbccddeeff',
  audio: 'ffeeddcc-bbaa-9988-7766-554433221100',
} as const;
const clearKey = 'e2719d58-a985-b3c9-781a-b030af78d30e';
const protectionOf = (kind: 'video' | 'audio'): Protection => ({
  scheme: 'cbcs',
  keyId: keyIds[kind],
  systems: [
    { systemId: clearKey, name: 'ClearKey1.0', licenseUrl: 'https://edge.test/v/p/clearkey?g=1&token=a' },
    { systemId: 'edef8ba9-79d6-4ace-a3c8-27dcd51d21ed', pssh: 'AAAA' },
  ],
});

test('every set of pictures and sound says how it is encrypted', () => {
  const text = manifest(film, { protectionOf });
  const sets = [...new DOMParser().parseFromString(text, 'text/xml').getElementsByTagName('AdaptationSet')];
  for (const set of sets) {
    const kind = set.getAttribute('contentType');
    const told = [...set.getElementsByTagName('ContentProtection')];
    if (kind !== 'video' && kind !== 'audio') {
      expect(told).toEqual([]);
      continue;
    }
    expect(told.map((each) => [each.getAttribute('schemeIdUri'), each.getAttribute('value')])).toEqual([
      ['urn:mpeg:dash:mp4protection:2011', 'cbcs'],
      [`urn:uuid:${clearKey}`, 'ClearKey1.0'],
      ['urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed', null],
    ]);
    expect(told[0]?.getAttribute('cenc:default_KID')).toBe(keyIds[kind]);
    expect(told[1]?.textContent?.trim()).toBe('https://edge.test/v/p/clearkey?g=1&token=a');
    expect(told[2]?.textContent?.trim()).toBe('AAAA');
  }
  const parsed = parse(text, { manifestUri: 'http://edge.test/v/p/manifest.mpd' });
  expect(parsed.playlists[0]).toHaveProperty('contentProtection');
  expect(manifest(film)).not.toContain('cenc');
});
