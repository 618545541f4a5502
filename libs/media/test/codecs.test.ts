import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { childAt } from '../src/cmaf/box.ts';
import { videoCodecsOf } from '../src/cmaf/codec-config.ts';
import { isSync, readFragment } from '../src/cmaf/media-segment.ts';
import { type EncodingProfile, encodeUnit, type MediaPlan, type VideoCodec } from '../src/index.ts';
import {
  type EncodedTrack,
  encode,
  ffmpeg,
  ffprobe,
  pictures,
  plan,
  settings,
  temporaryFolder,
  unitsOf,
  x264,
} from './samples.ts';

const codecs: readonly VideoCodec[] = ['h264', 'hevc', 'vp9', 'av1'];
const profile: EncodingProfile = {
  name: 'all',
  renditions: codecs.map((codec) => ({ height: 96, codec, maxBitrateBps: 400_000, remux: false })),
  audio: [],
  segmentSeconds: 1,
  preset: 'superfast',
};
const frameCounts = [30, 30, 30, 15];

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());
const path = join(folder.path, 'source.mp4');
let media: MediaPlan;
let tracks: Map<string, EncodedTrack>;

beforeAll(async () => {
  await ffmpeg(...pictures('128x96', '30000/1001', 3.5), ...x264, '-bf', '2', path);
  media = await plan(path, profile);
  tracks = await encode(media, path, unitsOf(media, 2));
}, 60_000);

test('one run makes the rungs of every codec', () => {
  expect(media.ladder.video.map(({ name, codecs: names }) => [name, names])).toEqual([
    ['h264-96p', expect.stringMatching(/^avc1\.4d40/)],
    ['hevc-96p', 'hvc1.1.6.L60.90'],
    ['vp9-96p', 'vp09.00.11.08'],
    ['av1-96p', 'av01.0.00M.08'],
  ]);
  expect([...tracks.keys()].toSorted()).toEqual(media.ladder.video.map(({ name }) => name).toSorted());
});

describe.each(codecs)('%s', (codec) => {
  const track = () => tracks.get(`${codec}-96p`) as EncodedTrack;

  test('the init segment is one, and names the codec that was planned', () => {
    const [init, ...others] = track().inits;
    expect(others).toHaveLength(1);
    for (const other of others) expect(other.equals(init as Buffer)).toBe(true);
    const planned = media.ladder.video.find((rung) => rung.codec === codec)?.codecs;
    expect(videoCodecsOf(childAt(init as Buffer, 'moov').bytes)).toBe(planned);
  });

  test('segments are on the grid, each with one sync sample', () => {
    expect(track().segments).toHaveLength(frameCounts.length);
    track().segments.forEach((segment, index) => {
      const moof = childAt(segment, 'moof');
      expect(childAt(moof.content, 'mfhd').content.readUInt32BE(4)).toBe(index + 1);
      const tfdt = childAt(moof.content, 'traf', 'tfdt').content.readBigUInt64BE(4);
      expect(tfdt).toBe(BigInt(index * 30 * 1001));
      const { samples } = readFragment(moof.bytes);
      expect(samples.map(isSync)).toEqual(samples.map((_, at) => at === 0));
      expect(samples).toHaveLength(frameCounts[index] ?? 0);
    });
  });

  test('each segment decodes alone, to exactly its frames', async () => {
    for (const [index, segment] of track().segments.entries()) {
      const alone = join(folder.path, `${codec}-${index}.mp4`);
      await writeFile(alone, Buffer.concat([track().inits[0] as Buffer, segment]));
      const frames = await ffmpeg('-xerror', '-i', alone, '-fps_mode', 'passthrough', '-f', 'framemd5', '-');
      expect(frames.split('\n').filter((line) => /^0,/.test(line))).toHaveLength(frameCounts[index] ?? 0);
    }
  });

  test('joined, it shows the frames of the source at their times, over the cuts', async () => {
    const joined = join(folder.path, `${codec}.mp4`);
    await writeFile(joined, Buffer.concat([track().inits[0] as Buffer, ...track().segments]));
    const { streams } = await ffprobe('-count_frames', '-show_streams', joined);
    expect(streams).toMatchObject([
      {
        nb_read_frames: '105',
        start_time: '0.000000',
        avg_frame_rate: '30000/1001',
        width: 128,
        height: 96,
        sample_aspect_ratio: '1:1',
        color_space: 'bt709',
        color_range: 'tv',
      },
    ]);
    const log = join(folder.path, `${codec}.psnr`);
    // Frame by frame in the order of presentation: a frame that is lost, doubled or moved shows.
    const compare = `[0:v]settb=1/30,setpts=N[a];[1:v]settb=1/30,setpts=N[b];[b][a]psnr=stats_file=${log}`;
    await ffmpeg('-i', path, '-i', joined, '-lavfi', compare, '-f', 'null', '-');
    const values = [...(await readFile(log, 'utf8')).matchAll(/psnr_y:(\S+)/g)].map(([, value]) =>
      Number(value),
    );
    expect(values).toHaveLength(105);
    expect(Math.min(...values)).toBeGreaterThan(22);
  });

  test('output of another codec than planned is refused', async () => {
    const wrong = media.ladder.video.map((rung) => ({ ...rung, codecs: `${rung.codecs.slice(0, -2)}77` }));
    const unit = { kind: 'video', rungs: [`${codec}-96p`], firstSegment: 3, segmentCount: 1 } as const;
    const run = encodeUnit({ ...media, ladder: { video: wrong, audio: [] } }, unit, {
      ...settings,
      sourcePath: path,
    });
    await expect(Array.fromAsync(run)).rejects.toMatchObject({ reason: 'ENCODER_OUTPUT_UNEXPECTED' });
  });
});

test('a single frame, and a picture smaller than the encoder takes', async () => {
  const dot = join(folder.path, 'dot.mp4');
  await ffmpeg(...pictures('32x32', '25', 1), '-frames:v', '1', ...x264, dot);
  const tiny = await plan(dot, profile);
  expect(tiny.ladder.video.map(({ width }) => width)).toEqual([32, 32, 32, 64]);
  for (const [name, { segments }] of await encode(tiny, dot, unitsOf(tiny, 1))) {
    expect(segments, name).toHaveLength(1);
    expect(readFragment(childAt(segments[0] as Buffer, 'moof').bytes).samples, name).toHaveLength(1);
  }
});
