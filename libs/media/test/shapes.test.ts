import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { makePoster } from '../src/index.ts';
import {
  encode,
  ffmpeg,
  ffprobe,
  pictures,
  plan,
  settings,
  temporaryFolder,
  tone,
  unitsOf,
  x264,
} from './samples.ts';

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());
const at = (name: string) => join(folder.path, name);

/** Encodes the largest rung; its path and what ffprobe says of it. */
async function encoded(path: string) {
  const media = await plan(path);
  const tracks = await encode(media, path, unitsOf(media, 99));
  const rung = media.ladder.video[0]?.name ?? '';
  const track = tracks.get(rung);
  await writeFile(`${path}.out.mp4`, Buffer.concat([track?.inits[0] as Buffer, ...(track?.segments ?? [])]));
  const { streams } = await ffprobe('-count_frames', '-show_streams', `${path}.out.mp4`);
  return { media, rung, stream: streams[0] ?? {}, path: `${path}.out.mp4` };
}

/** Mean luma of the left, right, top and bottom third of the first picture. */
async function sides(path: string): Promise<Record<'left' | 'right' | 'top' | 'bottom', number>> {
  const output = await ffmpeg(
    '-i',
    path,
    '-frames:v',
    '1',
    '-vf',
    'scale=3:3:flags=area,format=gray',
    '-f',
    'framecrc',
    '-c:v',
    'rawvideo',
    '-',
  );
  expect(output).not.toBe('');
  await ffmpeg(
    '-i',
    path,
    '-frames:v',
    '1',
    '-vf',
    'scale=3:3:flags=area,format=gray',
    '-f',
    'rawvideo',
    `${path}.gray`,
  );
  const gray = await import('node:fs/promises').then((fs) => fs.readFile(`${path}.gray`));
  const mean = (...indices: number[]) =>
    indices.reduce((sum, index) => sum + (gray[index] ?? 0), 0) / indices.length;
  return { left: mean(0, 3, 6), right: mean(2, 5, 8), top: mean(0, 1, 2), bottom: mean(6, 7, 8) };
}

/** White on the left third, black elsewhere. */
const leftIsWhite = [
  '-f',
  'lavfi',
  '-i',
  'color=black:s=96x48:r=10:d=1,drawbox=x=0:y=0:w=32:h=48:color=white:t=fill',
];

test.each([
  ['-90', 'top', '48x96'],
  ['90', 'bottom', '48x96'],
  ['180', 'right', '96x48'],
])('a rotation of %s degrees brings the left to the %s', async (degrees, side, size) => {
  const plain = at('plain.mp4');
  await ffmpeg(...leftIsWhite, ...x264, plain);
  const path = at(`turned${degrees}.mp4`);
  await ffmpeg('-i', plain, '-c', 'copy', '-metadata:s:v', `rotate=${(360 + Number(degrees)) % 360}`, path);
  const { stream, path: output, media } = await encoded(path);
  expect(media.source.video).toMatchObject({ rotation: (360 - Number(degrees)) % 360, isMirrored: false });
  expect(`${stream.width}x${stream.height}`).toBe(size);
  expect(stream.side_data_list).toBeUndefined();
  const brightness = await sides(output);
  for (const [name, value] of Object.entries(brightness)) {
    if (name === side) expect(value).toBeGreaterThan(180);
    else expect(value).toBeLessThan(120);
  }
});

test.each([
  ['mirrored', [-1, 0, 0, 1], 'right', '96x48'],
  ['mirrored and turned', [0, 1, 1, 0], 'top', '48x96'],
])(
  'a picture that is %s is shown as players show it',
  async (name, [a = 0, b = 0, c = 0, d = 0], side, size) => {
    const path = at(`${name}.mp4`);
    await ffmpeg(...leftIsWhite, ...x264, path);
    const bytes = await readFile(path);
    // The matrix of `tkhd`, of which ffmpeg writes no mirrored ones.
    const matrix = bytes.indexOf('tkhd') + 4 + 40;
    for (const [index, value] of [a, b, 0, c, d].entries())
      bytes.writeInt32BE(value * 0x10000, matrix + index * 4);
    await writeFile(path, bytes);
    const { stream, path: output, media } = await encoded(path);
    expect(media.source.video).toMatchObject({ isMirrored: true });
    expect(`${stream.width}x${stream.height}`).toBe(size);
    const brightness = await sides(output);
    for (const [each, value] of Object.entries(brightness)) {
      if (each === side) expect(value).toBeGreaterThan(180);
      else expect(value).toBeLessThan(120);
    }
  },
);

test.each([
  ['8', 8, 16],
  ['120', 60, 120],
  ['240', 60, 120],
])('a source of %s frames a second', async (rate, framesPerSecond, frames) => {
  const path = at(`${rate}.mp4`);
  await ffmpeg(...pictures('160x120', rate, 2), ...x264, path);
  const { stream, media } = await encoded(path);
  expect(media.grid.video).toMatchObject({ frameRate: { num: framesPerSecond, den: 1 }, frameCount: frames });
  expect(stream).toMatchObject({ nb_read_frames: `${frames}`, avg_frame_rate: `${framesPerSecond}/1` });
});

describe('fields that the file does not tell of', () => {
  const moving = ['-f', 'lavfi', '-i', 'testsrc2=s=720x576:r=50:d=2'];
  const unflagged = [...x264, '-aspect', '4:3'];

  test.each([
    ['tff', 'interlace=scan=tff'],
    ['bff', 'interlace=scan=bff'],
  ])('are found by looking, %s', async (fieldOrder, interlace) => {
    const path = at(`${fieldOrder}.mp4`);
    await ffmpeg(...moving, '-vf', `${interlace},setfield=prog`, ...unflagged, path);
    const media = await plan(path);
    expect(media.source.video).toMatchObject({
      isInterlaced: true,
      fieldOrder,
      frameRate: { num: 25, den: 1 },
    });
    const { path: output } = await encoded(path);
    // Half of the lines of a frame of fields are another moment: after that nothing of it is to be seen.
    const log = await ffmpeg('-i', output, '-vf', 'idet,metadata=print:file=-', '-f', 'null', '-');
    const last = (key: string) =>
      Number([...log.matchAll(new RegExp(`${key}=([\\d.]+)`, 'g'))].at(-1)?.[1] ?? 0);
    expect(last('idet.single.tff') + last('idet.single.bff')).toBeLessThan(5);
  });

  test('progressive pictures of that size are left alone', async () => {
    const path = at('progressive.mp4');
    await ffmpeg('-f', 'lavfi', '-i', 'testsrc2=s=720x576:r=25:d=2', ...unflagged, path);
    expect((await plan(path)).source.video).toMatchObject({ isInterlaced: false });
  });
});

test('samples that are not square are made square', async () => {
  const path = at('anamorphic.mp4');
  await ffmpeg(...pictures('90x120', '10', 1), '-vf', 'setsar=16/9', ...x264, path);
  const { stream } = await encoded(path);
  expect(stream).toMatchObject({ width: 160, height: 120, sample_aspect_ratio: '1:1' });
});

test.each(['1x1', '3x101', '161x121', '10x12'])('a picture of %s is encoded', async (size) => {
  const path = at(`size-${size}.mkv`);
  await ffmpeg(
    ...pictures('320x240', '5', 1),
    '-vf',
    `scale=${size.replace('x', ':')}`,
    '-c:v',
    'ffv1',
    '-pix_fmt',
    'yuv444p',
    path,
  );
  const { stream, media } = await encoded(path);
  expect(stream).toMatchObject({ nb_read_frames: '5', width: media.ladder.video[0]?.width });
  expect((Number(stream.width) % 2) + (Number(stream.height) % 2)).toBe(0);
});

test('HDR becomes SDR that says so', async () => {
  const path = at('hdr.mkv');
  await ffmpeg(
    ...pictures('160x120', '5', 1),
    ...[
      '-vf',
      'format=yuv420p10le',
      '-c:v',
      'libx265',
      '-preset',
      'ultrafast',
      '-x265-params',
      'log-level=none',
    ],
    ...['-color_primaries', 'bt2020', '-color_trc', 'smpte2084', '-colorspace', 'bt2020nc'],
    path,
  );
  const { stream, media } = await encoded(path);
  expect(media.source.video).toMatchObject({ hdr: 'pq', bitDepth: 10 });
  expect(stream).toMatchObject({
    nb_read_frames: '5',
    pix_fmt: 'yuv420p',
    color_transfer: 'bt709',
    color_primaries: 'bt709',
    color_space: 'bt709',
  });
});

test('colours of BT.601 and full range stay the colours they are', async () => {
  const path = at('full.mp4');
  await ffmpeg(
    ...['-f', 'lavfi', '-i', 'color=0xd03020:s=160x120:r=5:d=1'],
    ...[
      '-vf',
      'scale=out_color_matrix=bt601:out_range=pc,format=yuvj420p',
      '-colorspace',
      'smpte170m',
      '-color_range',
      'pc',
    ],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '1', path],
  );
  const { path: output } = await encoded(path);
  await ffmpeg(
    '-i',
    output,
    '-frames:v',
    '1',
    '-vf',
    'scale=1:1:in_color_matrix=bt709:in_range=tv:flags=area,format=rgb24',
    '-f',
    'rawvideo',
    at('full.rgb'),
  );
  const [red = 0, green = 0, blue = 0] = await import('node:fs/promises').then((fs) =>
    fs.readFile(at('full.rgb')),
  );
  expect(Math.abs(red - 0xd0)).toBeLessThan(8);
  expect(Math.abs(green - 0x30)).toBeLessThan(8);
  expect(Math.abs(blue - 0x20)).toBeLessThan(8);
});

test('sound that is longer than the picture holds the last picture', async () => {
  const path = at('long-sound.mp4');
  await ffmpeg(...pictures('160x120', '10', 1), ...tone(3.3), ...x264, '-c:a', 'aac', path);
  const media = await plan(path);
  expect(media.grid).toMatchObject({ segmentCount: 4, video: { frameCount: 33 } });
  const tracks = await encode(media, path, unitsOf(media, 1));
  for (const track of tracks.values()) expect(track.segments).toHaveLength(4);
});

test('a poster comes from the film, from the cover, or not at all', async () => {
  const film = at('film.mp4');
  await ffmpeg(...pictures('160x120', '10', 1), ...x264, film);
  const cover = at('cover.flac');
  await ffmpeg('-i', film, '-frames:v', '1', at('cover.png'));
  await ffmpeg(
    ...tone(1),
    '-i',
    at('cover.png'),
    '-map',
    '0',
    '-map',
    '1',
    '-c:v',
    'copy',
    '-disposition:v',
    'attached_pic',
    cover,
  );
  for (const path of [film, cover]) {
    const { source } = await plan(path);
    const jpeg = await makePoster(source, {}, { ...settings, sourcePath: path });
    expect([...jpeg.subarray(0, 3)], path).toEqual([0xff, 0xd8, 0xff]);
    await writeFile(at('poster.jpg'), jpeg);
    const { streams } = await ffprobe('-show_streams', at('poster.jpg'));
    expect(streams).toMatchObject([{ codec_name: 'mjpeg', width: 160, height: 120 }]);
  }
  const sound = at('sound.wav');
  await ffmpeg(...tone(1), sound);
  const { source } = await plan(sound);
  await expect(makePoster(source, {}, { ...settings, sourcePath: sound })).rejects.toMatchObject({
    reason: 'SOURCE_HAS_NO_PICTURE',
  });
});
