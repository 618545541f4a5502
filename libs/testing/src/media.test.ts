import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { toolPath } from '@kerkis/tools';
import { expect, test } from 'vitest';
import { type MediaSpec, makeMedia } from './index.ts';

interface Probe {
  streams: Record<string, unknown>[];
  format: { format_name: string; duration: string };
}

async function probe(name: string, spec: MediaSpec): Promise<Probe> {
  const path = await makeMedia(name, spec);
  const args = ['-v', 'error', '-show_streams', '-show_format', '-count_frames', '-of', 'json', path];
  const { stdout } = await promisify(execFile)(toolPath('ffprobe', process.env), args);
  return JSON.parse(stdout) as Probe;
}

test('the default is video with stereo sound in MP4, with every frame', async () => {
  const { streams } = await probe('plain', { seconds: 1 });
  expect(streams).toMatchObject([
    { codec_name: 'h264', width: 320, height: 180, r_frame_rate: '30/1', nb_read_frames: '30' },
    { codec_name: 'aac', channels: 2, sample_rate: '48000' },
  ]);
});

test('a portrait picture at a rational rate, rotated, without sound', async () => {
  const { streams } = await probe('portrait', {
    seconds: 1,
    video: { width: 90, height: 160, fps: '30000/1001', rotation: 90 },
    audio: false,
    container: 'mov',
  });
  expect(streams).toHaveLength(1);
  expect(streams[0]).toMatchObject({ width: 90, height: 160, r_frame_rate: '30000/1001' });
  expect(streams[0]?.side_data_list).toMatchObject([{ rotation: -90 }]);
});

test('a variable frame rate leaves frames out and keeps the length', async () => {
  const { streams, format } = await probe('vfr', {
    seconds: 2,
    video: { variableFrameRate: true },
    audio: false,
    container: 'mkv',
  });
  expect(Number(streams[0]?.nb_read_frames)).toBeLessThan(55);
  expect(Number(format.duration)).toBeGreaterThan(1.9);
});

test('audio only, with a cover', async () => {
  const { streams, format } = await probe('cover', {
    seconds: 1,
    video: false,
    cover: true,
    container: 'mp3',
  });
  expect(format.format_name).toBe('mp3');
  expect(streams).toMatchObject([
    { codec_name: 'mp3', channels: 2 },
    { codec_name: 'mjpeg', disposition: { attached_pic: 1 } },
  ]);
});

test.for(['wav', 'flac', 'ogg', 'opus', 'm4a', 'webm'] as const)('mono and 5.1 in %s', async (container) => {
  for (const [channels, count] of [
    ['mono', 1],
    ['5.1', 6],
  ] as const) {
    const { streams } = await probe(channels, { seconds: 0.5, video: false, audio: { channels }, container });
    expect(streams).toMatchObject([{ codec_type: 'audio', channels: count }]);
  }
});

test('WebM gets VP9 and Opus; sound may be shorter than the picture', async () => {
  const { streams } = await probe('webm', {
    seconds: 1,
    audio: { seconds: 0.5, silent: true },
    container: 'webm',
  });
  expect(streams).toMatchObject([{ codec_name: 'vp9' }, { codec_name: 'opus' }]);
});

test('a second call makes nothing', async () => {
  const path = await makeMedia('once', { seconds: 0.2 });
  const before = await stat(path);
  expect(await makeMedia('once', { seconds: 0.2 })).toBe(path);
  expect((await stat(path)).ino).toBe(before.ino);
});

test('what cannot be made says why', async () => {
  const made = makeMedia('wrong', { seconds: 1, video: { encoder: 'no-such-encoder' } });
  await expect(made).rejects.toThrow(/Unknown encoder/);
});
