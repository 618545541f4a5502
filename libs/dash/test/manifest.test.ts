import { DOMParser, type Element } from '@xmldom/xmldom';
import fc from 'fast-check';
import { parse } from 'mpd-parser';
import { describe, expect, test } from 'vitest';
import { manifest, type Presentation } from '../src/index.ts';
import { plainText } from '../src/xml.ts';
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

const manifestUri = 'http://edge.test/v/pb_1/manifest.mpd';

/** Elements of that name; the parser throws on whatever is not well-formed. */
function elements(xml: string, tag: string): Element[] {
  const fail = (level: string, message: string) => {
    if (level !== 'warning') throw new Error(`${level}: ${message}`);
  };
  const document = new DOMParser({ onError: fail }).parseFromString(xml, 'text/xml');
  return [...document.getElementsByTagName(tag)];
}

function attributes(element: Element | undefined): Record<string, string> {
  return Object.fromEntries([...(element?.attributes ?? [])].map(({ name, value }) => [name, value]));
}

describe('manifest', () => {
  test.each(Object.entries({ film, remuxed, rich, podcast, bilingual, silent }))(
    '%s equals its golden file',
    async (name, input) => {
      await expect(manifest(input)).toMatchFileSnapshot(`golden/${name}.mpd`);
    },
  );

  test('several codecs have an adaptation set each, with all their rungs', () => {
    const codecs = ['avc1.64001f', 'hvc1.1.6.L93.90', 'vp09.00.31.08', 'av01.0.05M.08'];
    const videos = codecs.flatMap((codec) =>
      [720, 360].map((height) =>
        video(height, height * 2000, { name: `video/${codec.slice(0, 4)}-${height}p`, codec }),
      ),
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
    const sets = elements(manifest({ durationMs, tracks: [...videos, aac, opus] }), 'AdaptationSet');
    const codecsOf = (set: Element) =>
      [...set.getElementsByTagName('Representation')].map((each) => each.getAttribute('codecs'));
    expect(sets.map(codecsOf)).toEqual([...codecs.map((codec) => [codec, codec]), ['mp4a.40.2'], ['opus']]);
    expect(sets.slice(4).map((set) => set.getElementsByTagName('Role')[0]?.getAttribute('value'))).toEqual([
      'main',
      'main',
    ]);
  });

  test('a film comes back from the parser of videojs', () => {
    const parsed = parse(manifest(film), { manifestUri });
    expect(parsed.duration).toBe(9.977);
    expect(parsed.playlists.map((playlist) => playlist.attributes)).toEqual([
      expect.objectContaining({
        BANDWIDTH: 2_800_000,
        CODECS: 'avc1.64001f',
        RESOLUTION: { width: 1280, height: 720 },
        'FRAME-RATE': 30_000 / 1001,
        NAME: 'video-h264-720p',
      }),
      expect.objectContaining({ BANDWIDTH: 800_000, CODECS: 'avc1.4d401e', NAME: 'video-h264-360p' }),
    ]);
    const segments = parsed.playlists[0]?.segments ?? [];
    expect(
      segments.map((segment) => [segment.resolvedUri, segment.duration, segment.presentationTime]),
    ).toEqual([
      ['http://edge.test/v/pb_1/video/h264-720p/1.m4s', 120_120 / 30_000, 0],
      ['http://edge.test/v/pb_1/video/h264-720p/2.m4s', 120_120 / 30_000, 120_120 / 30_000],
      ['http://edge.test/v/pb_1/video/h264-720p/3.m4s', 59_059 / 30_000, 240_240 / 30_000],
    ]);
    expect(segments[0]?.map.resolvedUri).toBe('http://edge.test/v/pb_1/video/h264-720p/init.mp4');
    const english = parsed.mediaGroups.AUDIO?.audio?.['en (main)'];
    expect(english?.language).toBe('en');
    expect(english?.default).toBe(true);
    expect(english?.playlists[0]?.attributes).toMatchObject({ CODECS: 'mp4a.40.2', BANDWIDTH: 132_000 });
    expect(english?.playlists[0]?.segments.map((segment) => segment.duration * 44_100)).toEqual([
      172 * 1024,
      173 * 1024,
      85 * 1024,
    ]);
  });

  test('a rich presentation has one set for each thing to choose', () => {
    const xml = manifest(rich);
    const sets = elements(xml, 'AdaptationSet');
    const told = sets.map((set) => {
      const { contentType, lang } = attributes(set);
      const inside = (tag: string) => [...set.getElementsByTagName(tag)];
      return [
        contentType,
        lang,
        inside('Representation').length,
        inside('Label')[0]?.textContent,
        inside('Role')
          .map((role) => role.getAttribute('value'))
          .join(' '),
      ];
    });
    expect(told).toEqual([
      ['video', undefined, 2, undefined, 'main'],
      ['video', undefined, 1, undefined, 'main'],
      ['audio', 'en', 1, undefined, 'main'],
      ['audio', 'fr', 1, 'Français', 'alternate'],
      ['audio', 'en', 1, 'Commentary', 'alternate'],
      ['audio', 'en', 1, undefined, 'main'],
      ['audio', 'fr', 1, 'Français', 'alternate'],
      ['audio', 'en', 1, 'Commentary', 'alternate'],
      ['text', 'en', 1, undefined, 'subtitle'],
      ['text', 'fr', 1, undefined, 'main subtitle'],
      ['text', 'fr', 1, 'Panneaux', 'forced-subtitle'],
    ]);
    expect(elements(xml, 'EssentialProperty').map((property) => attributes(property))).toContainEqual({
      schemeIdUri: 'urn:mpeg:mpegB:cicp:TransferCharacteristics',
      value: '16',
    });
    const channels = elements(xml, 'AudioChannelConfiguration').map((entry) => entry.getAttribute('value'));
    expect(channels).toEqual(['2', '2', '2', '6', '6', '6']);
    const ids = elements(xml, 'Representation').map((entry) => entry.getAttribute('id'));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.join('')).not.toContain('/');
  });

  test('qualities of one sound share a set, twins of one group do not', () => {
    const countSets = (tracks: Presentation['tracks']) =>
      elements(manifest({ durationMs, tracks }), 'AdaptationSet').length;
    const low = audio('en', { group: 'low' }, { name: 'audio/low' });
    const high = audio('en', { group: 'high' }, { name: 'audio/high' });
    expect(countSets([video(360, 1), low, high])).toBe(2);
    expect(countSets([video(360, 1), low, { ...high, audio: low.audio }])).toBe(3);
    expect(countSets(podcast.tracks)).toBe(1);
  });

  test('a remuxed track has its own set, players may switch to it, and the ladder is preferred', () => {
    const finer = video(180, 1, {
      timescale: 60_000,
      segments: [
        { count: 2, duration: 240_240 },
        { count: 1, duration: 118_118 },
      ],
    });
    const xml = manifest({ durationMs, tracks: [...remuxed.tracks, finer] });
    const told = elements(xml, 'AdaptationSet').map((set) => [
      set.getElementsByTagName('Representation').length,
      set.getAttribute('selectionPriority'),
      set.getAttribute('segmentAlignment'),
      set.getElementsByTagName('SupplementalProperty')[0]?.getAttribute('value'),
    ]);
    expect(told).toEqual([
      [1, null, 'false', '2'],
      [3, '2', 'false', '1'],
      [1, null, 'true', undefined],
    ]);
  });

  test('where there is surround, players that do not choose begin with stereo', () => {
    const surround = audio('en', { channels: 6, group: 'aac-2' }, { name: 'audio/en-6' });
    const tracks = [
      video(360, 1),
      surround,
      audio('en', { group: 'aac-1' }),
      audio('de', { group: 'aac-1' }),
    ];
    const told = elements(manifest({ durationMs, tracks }), 'AdaptationSet').map((set) => [
      set.getAttribute('lang'),
      set.getElementsByTagName('AudioChannelConfiguration')[0]?.getAttribute('value'),
      set.getAttribute('selectionPriority'),
    ]);
    expect(told.slice(1)).toEqual([
      ['en', '6', null],
      ['en', '2', '2'],
      ['de', '2', null],
    ]);
  });

  test('text is one WebVTT file, with its language and role', () => {
    const tracks = [...film.tracks, text('fr', { isDefault: true, label: 'Français' })];
    const xml = manifest({ durationMs, tracks }, { query: 'g=1&x="' });
    const set = elements(xml, 'AdaptationSet').at(-1);
    expect(attributes(set)).toEqual({ id: '3', contentType: 'text', mimeType: 'text/vtt', lang: 'fr' });
    const [subtitles] = Object.values(parse(xml, { manifestUri }).mediaGroups.SUBTITLES?.subs ?? {});
    expect(subtitles?.language).toBe('fr');
    expect(subtitles?.playlists[0]?.segments.map(({ resolvedUri }) => resolvedUri)).toEqual([
      'http://edge.test/v/pb_1/text/fr.vtt?g=1&x=%22',
    ]);
    // The length of the one file is not that of a segment.
    expect(elements(xml, 'MPD')[0]?.getAttribute('maxSegmentDuration')).toBe('PT4.018S');
  });

  test('small pictures are an image set, one sprite a segment, which the parser of videojs leaves alone', () => {
    const thumbnails = {
      media: 'storyboard-$Number$.jpg',
      intervalMs: 1000,
      tileWidth: 160,
      tileHeight: 90,
      columns: 5,
      rows: 2,
    };
    const xml = manifest({ ...film, thumbnails }, { query: 'g=1' });
    const set = elements(xml, 'AdaptationSet').at(-1);
    const inside = (tag: string) => attributes(set?.getElementsByTagName(tag)[0]);
    expect(attributes(set)).toEqual({ id: '3', contentType: 'image', mimeType: 'image/jpeg' });
    expect(inside('SegmentTemplate')).toEqual({
      timescale: '1000',
      duration: '10000',
      startNumber: '1',
      media: 'storyboard-$Number$.jpg?g=1',
    });
    expect(inside('Representation')).toMatchObject({ id: 'thumbnails', width: '800', height: '180' });
    expect(inside('EssentialProperty')).toEqual({
      schemeIdUri: 'http://dashif.org/guidelines/thumbnail_tile',
      value: '5x2',
    });
    expect(parse(xml, { manifestUri }).playlists).toHaveLength(2);
    for (const wrong of [{ media: 'a.jpg' }, { media: '../$Number$.jpg' }, { columns: 0 }, { rows: 1.5 }]) {
      expect(() => manifest({ ...film, thumbnails: { ...thumbnails, ...wrong } })).toThrow(RangeError);
    }
  });

  test('7.1 sound is told by its layout', () => {
    const tracks = [audio('en', { channels: 8 })];
    expect(attributes(elements(manifest({ durationMs, tracks }), 'AudioChannelConfiguration')[0])).toEqual({
      schemeIdUri: 'urn:mpeg:mpegB:cicp:ChannelConfiguration',
      value: '12',
    });
  });

  test('the query goes on every URL and opens no template', () => {
    const xml = manifest(film, { query: 't=a.b&x="$Time$ <' });
    const [playlist] = parse(xml, { manifestUri }).playlists;
    const suffix = '?t=a.b&x=%22%24Time%24%20%3C';
    expect(playlist?.segments[1]?.resolvedUri).toBe(`http://edge.test/v/pb_1/video/h264-720p/2.m4s${suffix}`);
    expect(playlist?.segments[1]?.map.resolvedUri).toBe(
      `http://edge.test/v/pb_1/video/h264-720p/init.mp4${suffix}`,
    );
  });

  test('tracks without segments are left out', () => {
    const tracks = [...film.tracks, audio('fr', {}, { segments: [] })];
    expect(manifest({ durationMs, tracks })).toBe(manifest(film));
  });

  test('whatever the label and language, the document is well-formed and gives them back', () => {
    const nasty = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.constantFrom(
        ']]></Label><Evil/>',
        '&amp;<!--',
        '"\'><',
        '\u0000\u0008\ufffe\uffff',
        '\ud800',
        'e\u0301',
      ),
    );
    fc.assert(
      fc.property(nasty, nasty, nasty, (label, language, group) => {
        const tracks = [video(360, 1), audio('en', { label, language, group }), text('fr', { label })];
        const xml = manifest({ durationMs, tracks });
        const sets = elements(xml, 'AdaptationSet');
        expect(sets).toHaveLength(3);
        expect(sets[1]?.getElementsByTagName('Label')[0]?.textContent ?? '').toBe(plainText(label));
        expect(sets[1]?.getAttribute('lang')).toMatch(/^[A-Za-z0-9-]+$/);
      }),
      { numRuns: 200 },
    );
  });

  test('any timeline comes back segment by segment', () => {
    const run = fc.record({
      count: fc.integer({ min: 0, max: 20 }),
      duration: fc.integer({ min: 1, max: 900_000 }),
    });
    const runs = fc
      .array(run, { minLength: 1, maxLength: 10 })
      .filter((list) => list.some((entry) => entry.count > 0));
    fc.assert(
      fc.property(runs, fc.constantFrom(1000, 12_800, 30_000, 44_100, 90_000), (segments, timescale) => {
        const wanted = segments.flatMap((entry) => Array<number>(entry.count).fill(entry.duration));
        const totalMs = (wanted.reduce((a, b) => a + b, 0) / timescale) * 1000;
        const xml = manifest({ durationMs: totalMs, tracks: [video(360, 1, { segments, timescale })] });
        const ticks = elements(xml, 'S').flatMap((entry) =>
          Array<number>(Number(entry.getAttribute('r') ?? 0) + 1).fill(Number(entry.getAttribute('d'))),
        );
        expect(ticks).toEqual(wanted);
        const parsed = parse(xml, { manifestUri }).playlists[0]?.segments ?? [];
        expect(parsed.map((segment) => segment.resolvedUri.split('/').at(-1))).toEqual(
          wanted.map((_, index) => `${index + 1}.m4s`),
        );
      }),
      { numRuns: 100 },
    );
  });

  test.each([
    ['nothing to play', durationMs, []],
    ['only text', durationMs, [text('en')]],
    ['no duration', 0, film.tracks],
    ['a broken duration', Number.NaN, film.tracks],
    ['a name that is a template', durationMs, [video(360, 1, { name: 'video/$Number$' })]],
    ['a name used twice', durationMs, [video(360, 1), video(360, 2)]],
    ['a codec that ends the attribute', durationMs, [video(360, 1, { codec: 'avc1"><Evil/>' })]],
  ])('%s is refused', (_, ms, tracks) => {
    expect(() => manifest({ durationMs: ms, tracks })).toThrow(RangeError);
  });
});
