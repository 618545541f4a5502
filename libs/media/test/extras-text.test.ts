import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readAssText } from '../src/extras/ass-text.ts';
import { cueText, vttTime } from '../src/extras/web-vtt.ts';
import { extractText, extractTexts, textTracks } from '../src/index.ts';
import { ffmpeg, ffprobe, pictures, plan, settings, temporaryFolder, x264 } from './samples.ts';

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());
const at = (name: string) => join(folder.path, name);

/** WebVTT of the first text stream of a file. */
async function extracted(path: string): Promise<string> {
  const { source } = await plan(path);
  const [track] = textTracks(source).tracks;
  const text = await extractText(source, track?.sourceIndex ?? -1, { ...settings, sourcePath: path });
  expect(text.bytes.toString().split('-->')).toHaveLength(text.cueCount + 1);
  return text.bytes.toString();
}

const srt = `1
00:00:02,500 --> 00:00:03,000
<i>Later</i> & <b>bold</b> <3

2
00:00:01,000 --> 00:00:01,800
<font color="red">First</font> line
second --> line

3
00:00:03,500 --> 00:00:09,000
Ends with the film

4
00:00:05,000 --> 00:00:06,000
After the film
`;
const asVtt = `WEBVTT

00:00:01.000 --> 00:00:01.800
First line
second --&gt; line

00:00:02.500 --> 00:00:03.000
<i>Later</i> &amp; <b>bold</b> &lt;3

00:00:03.500 --> 00:00:04.000
Ends with the film
`;

test.each([
  ['SubRip in Matroska', 'a.mkv', ['-c:s', 'subrip']],
  ['ASS in Matroska', 'b.mkv', ['-c:s', 'ass']],
  ['WebVTT in Matroska', 'c.mkv', ['-c:s', 'webvtt']],
  ['mov_text in MP4', 'd.mp4', ['-c:s', 'mov_text']],
])('%s becomes WebVTT on the timeline of the presentation', async (_, name, options) => {
  await writeFile(at('a.srt'), srt);
  await ffmpeg(
    ...[...pictures('64x48', '10', 4), '-i', at('a.srt'), '-map', '0', '-map', '1', ...x264],
    ...[...options, at(name)],
  );
  const vtt = await extracted(at(name));
  // Not all formats keep cues in their order, the style, or what looks like a tag.
  if (name === 'a.mkv' || name === 'b.mkv') expect(vtt).toBe(asVtt);
  const times = (text: string) => text.match(/^.* --> .*$/gm);
  expect(times(vtt)?.[0]).toBe('00:00:01.000 --> 00:00:01.800');
  expect(vtt).toContain('00:00:02.500 --> 00:00:03.000\n<i>Later</i> &amp; <b>bold</b>');
  expect(vtt).not.toContain('After the film');
});

test('a film that does not start at zero has its text at the right time', async () => {
  await writeFile(at('b.srt'), '1\n00:00:01,000 --> 00:00:02,000\nOne second in\n');
  await ffmpeg(
    ...[...pictures('64x48', '10', 3), '-i', at('b.srt'), '-map', '0', '-map', '1', ...x264],
    ...['-output_ts_offset', '40000', '-c:s', 'subrip', at('late.mkv')],
  );
  const { source } = await plan(at('late.mkv'));
  expect(source.timeline.startSeconds).toBeCloseTo(40_000, 0);
  expect(await extracted(at('late.mkv'))).toBe('WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nOne second in\n');
});

test('a cue that is longer than any is left out, and those around it stay', async () => {
  const cue = (second: number, text: string) =>
    `${second}\n00:00:0${second},000 --> 00:00:0${second},900\n${text}\n\n`;
  await writeFile(at('c.srt'), cue(1, 'Before') + cue(2, 'word '.repeat(60_000)) + cue(3, 'After'));
  await ffmpeg(
    ...[...pictures('64x48', '10', 4), '-i', at('c.srt'), '-map', '0', '-map', '1', ...x264],
    ...['-c:s', 'srt', at('long-cue.mkv')],
  );
  const vtt = await extracted(at('long-cue.mkv'));
  expect(vtt.match(/^(Before|After|word.*)$/gm)).toEqual(['Before', 'After']);
});

test('several languages come from one run, named so that each is told apart', async () => {
  for (const word of ['One', 'Two', 'Three']) {
    await writeFile(at(`${word}.srt`), `1\n00:00:00,200 --> 00:00:00,900\n${word}\n`);
  }
  const inputs = ['One', 'Two', 'Three'].flatMap((word) => ['-i', at(`${word}.srt`)]);
  await ffmpeg(
    ...[
      ...pictures('64x48', '10', 1),
      ...inputs,
      '-map',
      '0',
      '-map',
      '1',
      '-map',
      '2',
      '-map',
      '3',
      ...x264,
    ],
    ...['-c:s', 'subrip', '-metadata:s:s:0', 'language=ger', '-metadata:s:s:1', 'language=ger'],
    ...['-metadata:s:s:2', 'language=eng', '-metadata:s:s:2', 'title=Signs'],
    ...['-disposition:s:1', 'forced', '-disposition:s:2', 'default', at('three.mkv')],
  );
  const { source } = await plan(at('three.mkv'));
  const { tracks, warnings } = textTracks(source);
  expect(warnings).toEqual([]);
  expect(tracks).toEqual([
    { name: 'text/de', sourceIndex: 1, language: 'de', label: '', isDefault: false, isForced: false },
    { name: 'text/de-forced', sourceIndex: 2, language: 'de', label: '', isDefault: false, isForced: true },
    { name: 'text/en', sourceIndex: 3, language: 'en', label: 'Signs', isDefault: true, isForced: false },
  ]);
  const indices = tracks.map(({ sourceIndex }) => sourceIndex);
  const texts = await extractTexts(source, indices, { ...settings, sourcePath: at('three.mkv') });
  expect(texts.map(({ bytes }) => bytes.toString().trimEnd().split('\n').at(-1))).toEqual([
    'One',
    'Two',
    'Three',
  ]);
  await expect(extractText(source, 0, { ...settings, sourcePath: at('three.mkv') })).rejects.toMatchObject({
    kind: 'unsupported',
    reason: 'SOURCE_HAS_NO_TEXT',
  });
});

describe('hostile text', () => {
  test('is escaped, bounded and never ends its cue', async () => {
    const script = [
      ...['[Script Info]', 'ScriptType: v4.00+', '', '[Events]'],
      'Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text',
      'Dialogue: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,<script>alert(1)</script>\\N\\N00:00 --> 99:00',
      'Dialogue: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,{\\p1}m 0 0 l 100 0 100 100{\\p0}',
      'Dialogue: 0,0:00:00.10,0:00:01.00,Default,,0,0,0,,{\\i1}a{\\rFoo}b{\\b700\\bord3}c{\\b0}{unclosed',
      `Dialogue: 0,0:00:00.20,0:00:01.00,Default,,0,0,0,,${'x'.repeat(5000)}`,
      'Dialogue: 0,0:00:00.30,0:00:00.30,Default,,0,0,0,,No length',
      'Dialogue: 0,0:00:00.40,0:00:01.00,Default,,0,0,0,, {\\an8} \\N ',
    ];
    await writeFile(at('bad.ass'), script.join('\n'));
    await ffmpeg(
      ...[...pictures('64x48', '10', 2), '-i', at('bad.ass'), '-map', '0', '-map', '1', ...x264],
      ...['-c:s', 'copy', at('bad.mkv')],
    );
    expect(await extracted(at('bad.mkv'))).toBe(
      [
        'WEBVTT\n\n00:00:00.000 --> 00:00:01.000',
        '&lt;script&gt;alert(1)&lt;/script&gt;\n00:00 --&gt; 99:00\n',
        '00:00:00.100 --> 00:00:01.000\n<i>a</i>b<b>c</b>{unclosed\n',
        '00:00:00.300 --> 00:00:02.000\nNo length\n',
      ].join('\n'),
    );
  });

  test('that is no UTF-8 is left out', async () => {
    const film = await readFile(at('d.mp4'));
    const place = film.indexOf('First line');
    // Bytes of Latin-1 where UTF-8 must be.
    film.write('F\xe4rst l\xefn\xe9', place, 'latin1');
    await writeFile(at('latin.mp4'), film);
    const vtt = await extracted(at('latin.mp4'));
    expect(vtt).toContain('Later');
    expect(vtt).not.toContain('\ufffd');
  });

  test('pictures as subtitles are left out with a warning', () => {
    const source = { subtitles: [{ index: 3, codec: 'hdmv_pgs_subtitle', isText: false }] };
    const { tracks, warnings } = textTracks(source as never);
    expect(tracks).toEqual([]);
    expect(warnings).toHaveLength(1);
  });

  test('times, styles and blank lines', () => {
    expect(vttTime(12 * 3_600_000 + 61_001)).toBe('12:01:01.001');
    expect(cueText([{ text: ' a\u0000\n\r\n \n', bold: true }, { text: '\u2028b ' }])).toBe('<b> a</b>\nb');
    expect(cueText([{ text: ' ' }, { text: '\n', italic: true }])).toBe('');
    expect(readAssText('C:\\dir {\\b1\\u1}x')).toEqual([
      { text: 'C:', bold: false, italic: false, underlined: false },
      { text: '\\', bold: false, italic: false, underlined: false },
      { text: 'dir ', bold: false, italic: false, underlined: false },
      { text: 'x', bold: true, italic: false, underlined: true },
    ]);
  });
});

const corpus = process.env.KERKIS_MEDIA_CORPUS ?? join(import.meta.dirname, '../../../../shared/media');
const real = [
  '118_subs-chapters.mkv',
  '120_subs-chapters.mkv',
  '122_subs-chapters.mp4',
  '086_multi-audio.mp4',
];
if (!existsSync(corpus)) {
  console.warn(
    `Media corpus not found: tests of ${import.meta.filename} are SKIPPED. Set KERKIS_MEDIA_CORPUS.`,
  );
}

describe.skipIf(!existsSync(corpus))('real subtitles', () => {
  test.each(real)('%s', async (name) => {
    const sourcePath = join(corpus, name);
    const { source } = await plan(sourcePath);
    const { tracks, warnings } = textTracks(source);
    expect(tracks.length + warnings.length).toBeGreaterThan(0);
    const indices = tracks.map(({ sourceIndex }) => sourceIndex);
    for (const text of await extractTexts(source, indices, { ...settings, sourcePath })) {
      await writeFile(at('real.vtt'), text.bytes);
      expect(text.cueCount).toBeGreaterThan(0);
      const probed = await ffprobe('-count_packets', '-show_streams', at('real.vtt'));
      expect(probed.streams).toMatchObject([{ codec_name: 'webvtt', nb_read_packets: `${text.cueCount}` }]);
    }
  });
});
