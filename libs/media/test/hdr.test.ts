import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EncodingProfile, type HdrTransfer, type MediaPlan, planMedia } from '../src/index.ts';
import { exampleSource } from './example-source.ts';
import {
  type EncodedTrack,
  encode,
  ffmpeg,
  ffprobe,
  pictures,
  plan,
  temporaryFolder,
  unitsOf,
} from './samples.ts';

const rung = { height: 96, maxBitrateBps: 600_000 };
const profile: EncodingProfile = {
  name: 'hdr',
  renditions: [
    { ...rung, codec: 'hevc', dynamicRange: 'source' },
    { ...rung, codec: 'av1', dynamicRange: 'source' },
    { ...rung, codec: 'h264' },
  ],
  audio: [],
  segmentSeconds: 1,
  preset: 'superfast',
};
const mastering = 'G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)';
const sources = {
  pq: {
    transfer: 'smpte2084',
    range: 'PQ',
    av1: '16',
    params: `master-display=${mastering}:max-cll=1000,400`,
  },
  hlg: { transfer: 'arib-std-b67', range: 'HLG', av1: '18', params: '' },
} as const;

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());

describe.each(['pq', 'hlg'] as const)('%s', (hdr: HdrTransfer) => {
  const { transfer, range, av1, params } = sources[hdr];
  const path = join(folder.path, `${hdr}.mp4`);
  let media: MediaPlan;
  let tracks: Map<string, EncodedTrack>;

  beforeAll(async () => {
    const colours = ['-color_primaries', 'bt2020', '-color_trc', transfer, '-colorspace', 'bt2020nc'];
    await ffmpeg(
      ...[
        ...pictures('128x96', '25', 2),
        '-vf',
        'format=yuv420p10le',
        '-c:v',
        'libx265',
        '-preset',
        'ultrafast',
      ],
      ...[
        '-x265-params',
        `log-level=none:${params}`,
        ...colours,
        '-color_range',
        'tv',
        '-tag:v',
        'hvc1',
        path,
      ],
    );
    media = await plan(path, profile);
    tracks = await encode(media, path, unitsOf(media, 1));
  }, 60_000);

  test('rungs in HEVC and AV1 keep it, those of H.264 are SDR', () => {
    expect(media.ladder.video.map(({ name, codecs, videoRange }) => [name, codecs, videoRange])).toEqual([
      ['hevc-96p-hdr', 'hvc1.2.4.L60.90', range],
      ['av1-96p-hdr', `av01.0.00M.10.0.110.09.${av1}.09.0`, range],
      ['h264-96p', expect.stringMatching(/^avc1\.4d40/), 'SDR'],
    ]);
  });

  test.each(['hevc', 'av1'])('%s says so, in its pictures and around them', async (codec) => {
    const track = tracks.get(`${codec}-96p-hdr`);
    expect(new Set(track?.inits.map((init) => init.toString('hex'))).size).toBe(1);
    const joined = join(folder.path, `${hdr}-${codec}.mp4`);
    await writeFile(joined, Buffer.concat([track?.inits[0] as Buffer, ...(track?.segments ?? [])]));
    const { streams } = await ffprobe('-count_frames', '-show_streams', joined);
    expect(streams).toMatchObject([
      {
        ...{ nb_read_frames: '50', pix_fmt: 'yuv420p10le', color_range: 'tv' },
        ...{ color_space: 'bt2020nc', color_transfer: transfer, color_primaries: 'bt2020' },
      },
    ]);
    const sideData = (streams[0]?.side_data_list ?? []) as Record<string, unknown>[];
    if (hdr === 'pq') {
      expect(sideData).toContainEqual(
        expect.objectContaining({
          red_x: '34000/50000',
          green_y: '34500/50000',
          max_luminance: '10000000/10000',
        }),
      );
      expect(sideData).toContainEqual(expect.objectContaining({ max_content: 1000, max_average: 400 }));
    } else expect(sideData).toEqual([]);
    const compare = '[0:v]settb=1/25,setpts=N[a];[1:v]settb=1/25,setpts=N[b];[b][a]psnr=stats_file=-';
    const log = await ffmpeg('-i', path, '-i', joined, '-lavfi', compare, '-f', 'null', '-');
    const values = [...log.matchAll(/psnr_y:(\S+)/g)].map(([, value]) => Number(value));
    expect(values).toHaveLength(50);
    expect(Math.min(...values), 'the same colours, frame by frame').toBeGreaterThan(24);
  });

  test('what is SDR beside it was tone-mapped', async () => {
    const track = tracks.get('h264-96p');
    const joined = join(folder.path, `${hdr}-sdr.mp4`);
    await writeFile(joined, Buffer.concat([track?.inits[0] as Buffer, ...(track?.segments ?? [])]));
    const { streams } = await ffprobe('-count_frames', '-show_streams', joined);
    expect(streams).toMatchObject([{ nb_read_frames: '50', pix_fmt: 'yuv420p', color_transfer: 'bt709' }]);
    expect(streams[0]?.side_data_list).toBeUndefined();
  });
});

test('a source in SDR stays SDR, and has no second ladder for it', () => {
  const renditions = [...profile.renditions, { ...rung, codec: 'hevc' } as const];
  const { video } = planMedia(exampleSource(), { ...profile, renditions }).ladder;
  expect(video.map(({ name, videoRange, bitDepth }) => [name, videoRange, bitDepth])).toEqual([
    ['av1-96p', 'SDR', 8],
    ['h264-96p', 'SDR', 8],
    ['hevc-96p', 'SDR', 8],
  ]);
});

test.each(['h264', 'vp9'] as const)('%s cannot keep HDR, which is told', (codec) => {
  const renditions = [{ ...rung, codec, dynamicRange: 'source' } as const];
  expect(() => planMedia(exampleSource(), { ...profile, renditions })).toThrow(
    expect.objectContaining({ kind: 'invalid', reason: 'RENDITION_UNSUPPORTED' }),
  );
});
