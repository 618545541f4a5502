import { execFile } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { hardwareTrialArgs } from '../src/encode/find-hardware.ts';
import {
  type EncodingProfile,
  encodeUnit,
  findHardware,
  type Hardware,
  type HardwareFamily,
  hardwareEncoders,
  missingHardware,
  noHardware,
  planMedia,
  resolveEncoder,
  type VideoCodec,
  videoUnitArgs,
} from '../src/index.ts';
import { exampleSource } from './example-source.ts';
import { settings, temporaryFolder, tools } from './samples.ts';

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());

const hdrSource = exampleSource(10, { hdr: 'pq', bitDepth: 10, colour: { transfer: 'smpte2084' } });
const everything: Hardware = { ...noHardware, encoders: hardwareEncoders, devices: ['/dev/dri/renderD128'] };
const unit = { kind: 'video', rungs: ['rung'], firstSegment: 1, segmentCount: 2 } as const;

function profileOf(codec: VideoCodec, encoder: HardwareFamily, isHdr = false): EncodingProfile {
  const dynamicRange = isHdr ? 'source' : 'sdr';
  const rendition = {
    name: 'rung',
    height: 720,
    codec,
    maxBitrateBps: 2_000_000,
    encoder,
    dynamicRange,
  } as const;
  return { name: 'hardware', renditions: [rendition], audio: [], segmentSeconds: 4, preset: 'fast' };
}

const lines = (args: readonly string[]) =>
  `${args.reduce((text, arg) => `${text}${/^-[a-z]/.test(arg) ? '\n' : ' '}${arg}`, '').trim()}\n`;

test.each(hardwareEncoders)('arguments of %s', (name) => {
  const [codec, family, isHdr] = name.split(/[_:]/) as [VideoCodec, HardwareFamily, string | undefined];
  const plan = planMedia(isHdr ? hdrSource : exampleSource(), profileOf(codec, family, isHdr === '10'), {
    hardware: hardwareEncoders,
  });
  expect(plan.ladder.video[0]).toMatchObject({ encoder: family, bitDepth: isHdr ? 10 : 8 });
  const args = videoUnitArgs(plan, unit, { ...settings, sourcePath: '/srv/film.mp4', hardware: everything });
  const graph = args[args.indexOf('-filter_complex') + 1] ?? '';
  const device = args.includes('-init_hw_device')
    ? args.slice(args.indexOf('-init_hw_device')).slice(0, 4)
    : [];
  const shown = [...device.slice(0, family === 'vaapi' ? 4 : 2), graph.slice(graph.indexOf('[s0]scale'))];
  return expect(lines([...shown, ...args.slice(args.indexOf('-map'))])).toMatchFileSnapshot(
    `golden/hardware-${name.replaceAll(/[_:]/g, '-')}.txt`,
  );
});

/** Options of any encoder, which no encoder lists among its own. */
const generic = [
  '-c:v',
  '-b:v',
  '-maxrate',
  '-bufsize',
  '-g',
  '-bf',
  '-force_key_frames',
  '-tag:v',
  '-global_quality',
];

const known = (await promisify(execFile)(tools.ffmpeg, ['-hide_banner', '-encoders'])).stdout;
const built = hardwareEncoders.filter((name) => known.includes(` ${name.replace(':10', '')} `));

test('most of them are in this ffmpeg', () => {
  // Those of AV1 came with ffmpeg 6 and 7.
  const codecs = new Set(built.map((name) => name.split('_')[0]));
  expect([...codecs]).toEqual(expect.arrayContaining(['h264', 'hevc', 'vp9']));
});

test.each(built)('ffmpeg knows every option and value for %s', async (name) => {
  const { stdout } = await promisify(execFile)(tools.ffmpeg, ['-h', `encoder=${name.replace(':10', '')}`]);
  const options = new Map(
    stdout.split(/\n(?= {2}-)/).map((text) => [/^ {2}-(\S+)/.exec(text)?.[1] ?? '', text] as const),
  );
  const args = hardwareTrialArgs(name, everything);
  const encoding = args.slice(args.indexOf('-c:v'), args.indexOf('-f', args.indexOf('-c:v')));
  for (let at = 0; at < encoding.length; at += 2) {
    const [option = '', value = ''] = encoding.slice(at);
    const help = options.get(option.slice(1).replace(/:v$/, ''));
    if (help === undefined) {
      const isGeneric = generic.includes(option) || option === '-profile:v' || option === '-level:v';
      expect(isGeneric, `${option} of ${name}`).toBe(true);
      continue;
    }
    const words = [...help.matchAll(/^ {5}(\S+)/gm)].map(([, word]) => word);
    const isNumber = /^-?[\d.]+$/.test(value);
    expect(isNumber || words.includes(value), `${option} ${value} of ${name}`).toBe(true);
    if (isNumber && words.length === 0 && /from (-?\d+) to (\d+)/.test(help)) {
      const [, least, most] = /from (-?\d+) to (\d+)/.exec(help) ?? [];
      expect(Number(value)).toBeGreaterThanOrEqual(Number(least));
      expect(Number(value)).toBeLessThanOrEqual(Number(most));
    }
  }
});

test('what works is found by trying it', async () => {
  const fake = join(folder.path, 'ffmpeg');
  await writeFile(
    fake,
    '#!/bin/sh\ncase "$*" in *"-c:v h264_vaapi "*|*p010le*hevc_vaapi*) exit 0;; esac; exit 1\n',
  );
  await chmod(fake, 0o755);
  const devices = ['/dev/dri/renderD129'];
  const found = await findHardware({ ffmpeg: fake, ffprobe: fake }, { devices });
  expect(found).toEqual({
    encoders: ['h264_vaapi', 'hevc_vaapi:10'],
    renderDevice: '/dev/dri/renderD129',
    devices,
  });
  expect(await findHardware({ ffmpeg: fake, ffprobe: fake }, { devices: [] })).toEqual(noHardware);
});

test('without the device nothing is found, whatever ffmpeg was built with', async () => {
  const { encoders } = await findHardware(tools, { devices: ['/dev/nvidia-absent'] });
  expect(encoders.filter((name) => name.includes('nvenc') && !known.includes('nvenc'))).toEqual([]);
});

test('hardware is planned only where it is announced, with software in its place', () => {
  const wanted = profileOf('hevc', 'vaapi');
  expect(planMedia(exampleSource(), wanted).ladder.video[0]?.encoder).toBe('software');
  const announced = planMedia(exampleSource(), wanted, { hardware: ['hevc_vaapi'] });
  expect(announced.ladder.video[0]?.encoder).toBe('vaapi');
  expect(resolveEncoder({ codec: 'hevc', encoder: 'vaapi' }, 10, ['hevc_vaapi'])).toBe('software');
  expect(resolveEncoder({ codec: 'hevc', encoder: 'vaapi' }, 10, ['hevc_vaapi:10'])).toBe('vaapi');
});

test('a worker without the hardware of a plan leaves its units to others', async () => {
  const plan = planMedia(exampleSource(), profileOf('h264', 'nvenc'), { hardware: ['h264_nvenc'] });
  expect(missingHardware(plan, unit)).toEqual(['h264_nvenc']);
  expect(missingHardware(plan, unit, everything)).toEqual([]);
  const run = encodeUnit(plan, unit, { ...settings, sourcePath: '/srv/film.mp4' });
  await expect(run.next()).rejects.toMatchObject({
    kind: 'unavailable',
    reason: 'ENCODER_UNAVAILABLE',
    details: { encoder: 'h264_nvenc' },
  });
});
