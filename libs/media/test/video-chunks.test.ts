import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type MediaPlan, planMedia, videoSegmentRuns, videoUnitArgs } from '../src/index.ts';
import {
  encode,
  ffmpeg,
  ffprobe,
  pictures,
  plan,
  quickProfile,
  settings,
  temporaryFolder,
  unitsOf,
  x264,
} from './samples.ts';

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());
const film = '24000/1001';

/** Sources whose time stamps, references or containers make it hard to cut between two frames. */
const sources: Record<string, { file: string; make: string[] }> = {
  'MP4 with B-frames and open GOPs': {
    file: 'open.mp4',
    make: [
      ...pictures('160x120', film, 5),
      ...x264,
      '-bf',
      '3',
      '-x264-params',
      'open-gop=1:keyint=40:scenecut=0',
    ],
  },
  'MPEG-TS with a start offset': {
    file: 'offset.ts',
    make: [...pictures('160x120', '25', 5), ...x264, '-bf', '2', '-g', '30', '-output_ts_offset', '7.3'],
  },
  'MPEG-PS': {
    file: 'ps.mpg',
    make: [...pictures('160x120', '25', 4), '-c:v', 'mpeg2video', '-bf', '2', '-g', '12'],
  },
  'Matroska in milliseconds': {
    file: 'ms.mkv',
    make: [...pictures('160x120', film, 4), ...x264, '-g', '36'],
  },
  'WebM with VP9': {
    file: 'vp9.webm',
    make: [
      ...pictures('160x120', '30', 4),
      '-c:v',
      'libvpx-vp9',
      '-deadline',
      'realtime',
      '-cpu-used',
      '8',
      '-g',
      '45',
    ],
  },
  'variable frame rate': {
    file: 'vfr.mp4',
    make: [
      ...pictures('160x120', '30', 5),
      ...['-vf', "select='not(mod(n,7)*eq(mod(n,3),1))'", '-fps_mode', 'vfr'],
      ...[...x264, '-bf', '2', '-g', '50'],
    ],
  },
  'interlaced MPEG-2': {
    file: 'interlaced.ts',
    make: [
      ...pictures('160x120', '50', 4),
      ...['-vf', 'interlace', '-c:v', 'mpeg2video', '-flags', '+ildct+ilme', '-g', '15', '-bf', '2'],
    ],
  },
  'a single keyframe': { file: 'gop.mp4', make: [...pictures('160x120', '30', 4), ...x264, '-g', '999'] },
};

describe.each(Object.entries(sources))('%s', (_, { file, make }) => {
  const path = join(folder.path, file);

  test('chunks show the frames of one run, and join into one stream', async () => {
    await ffmpeg(...make, path);
    const media = await plan(path);
    const { grid } = media;
    const continuous = await framesOf(media, path, 0, grid.segmentCount);
    expect(continuous).toHaveLength(grid.video?.frameCount ?? 0);
    expect(new Set(continuous).size, 'the test pictures all differ').toBeGreaterThan(continuous.length * 0.6);
    const chunked: string[] = [];
    for (let first = 0; first < grid.segmentCount; first++)
      chunked.push(...(await framesOf(media, path, first, 1)));
    expect(chunked).toEqual(continuous);

    const tracks = await encode(media, path, unitsOf(media, 2));
    for (const rung of media.ladder.video) {
      const track = tracks.get(rung.name);
      expect(track?.segments).toHaveLength(grid.segmentCount);
      expect(new Set(track?.inits.map((init) => init.toString('hex'))).size, 'one init segment').toBe(1);
      const joined = join(folder.path, `${file}-${rung.name}.mp4`);
      await writeFile(
        joined,
        Buffer.concat([track?.inits[0] ?? Buffer.alloc(0), ...(track?.segments ?? [])]),
      );
      const { streams } = await ffprobe('-count_frames', '-show_streams', joined);
      expect(streams).toMatchObject([
        {
          nb_read_frames: `${grid.video?.frameCount}`,
          start_time: '0.000000',
          width: rung.width,
          height: rung.height,
          sample_aspect_ratio: '1:1',
          color_space: 'bt709',
        },
      ]);
    }
  });
});

test('a short first segment and the rest of the usual one join the others', async () => {
  const path = join(folder.path, 'lead.mp4');
  await ffmpeg(...pictures('160x120', film, 5), ...x264, '-bf', '2', '-g', '31', path);
  const { source } = await plan(path);
  const media = planMedia(source, { ...quickProfile, segmentSeconds: 2, firstSegmentSeconds: 0.5 });
  const { grid } = media;
  expect(videoSegmentRuns(grid).map(({ count, duration }) => [count, duration / 1001])).toEqual([
    ...[
      [1, 12],
      [1, 36],
      [1, 48],
      [1, 24],
    ],
  ]);
  const [first, second, rest] = [
    await framesOf(media, path, 0, 1),
    await framesOf(media, path, 1, 1),
    await framesOf(media, path, 2, 2),
  ];
  const whole = await framesOf(await plan(path), path, 0, 5);
  expect([...first, ...second, ...rest]).toEqual(whole);
  const rungs = media.ladder.video.map(({ name }) => name);
  const unit = (firstSegment: number, segmentCount: number) =>
    ({ kind: 'video', rungs, firstSegment, segmentCount }) as const;
  await expect(encode(media, path, [unit(0, 2)])).rejects.toMatchObject({ reason: 'UNIT_INVALID' });
  const tracks = await encode(media, path, [unit(0, 1), unit(1, 1), unit(2, 2)]);
  for (const { inits, segments } of tracks.values()) {
    expect(new Set(inits.map((init) => init.toString('hex'))).size).toBe(1);
    const joined = join(folder.path, 'lead-joined.mp4');
    await writeFile(joined, Buffer.concat([inits[0] ?? Buffer.alloc(0), ...segments]));
    const { streams } = await ffprobe('-count_frames', '-show_streams', joined);
    expect(streams).toMatchObject([{ nb_read_frames: '120', start_time: '0.000000' }]);
  }
});

test('a group of pictures that is longer than any that was seen is found by beginning earlier', async () => {
  const path = join(folder.path, 'long-gop.ts');
  await ffmpeg(...pictures('160x120', '25', 16), ...x264, '-g', '300', path);
  const media = await plan(path);
  const { video } = media.source;
  if (!video) throw new Error('there are pictures');
  const misled = {
    ...media,
    source: { ...media.source, video: { ...video, maxKeyframeIntervalSeconds: 1 } },
  };
  const unit = {
    kind: 'video',
    rungs: [media.ladder.video[0]?.name ?? ''],
    firstSegment: 8,
    segmentCount: 5,
  } as const;
  await expect(encode(misled, path, [unit])).rejects.toMatchObject({ reason: 'ENCODER_OUTPUT_UNEXPECTED' });
  const wanted = await encode(media, path, [unit]);
  expect(await encode(misled, path, [unit], { earlierSeconds: 30 })).toEqual(wanted);
});

/** MD5 of every picture that reaches the first encoder of a unit. */
async function framesOf(
  media: MediaPlan,
  path: string,
  firstSegment: number,
  segmentCount: number,
): Promise<string[]> {
  const rung = media.ladder.video[0]?.name ?? '';
  const unit = { kind: 'video', rungs: [rung], firstSegment, segmentCount } as const;
  const args = videoUnitArgs(media, unit, { ...settings, sourcePath: path });
  const input = args.slice(args.indexOf('-filter_complex_threads'), args.indexOf('-map'));
  const output = await ffmpeg(...input, '-map', '[v0]', '-fps_mode', 'passthrough', '-f', 'framemd5', '-');
  const lines = output.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  lines.forEach((line, index) => {
    expect(Number(line.split(',')[2]), 'time stamps count frames').toBe(index);
  });
  return lines.map((line) => line.split(',')[5] ?? '');
}
