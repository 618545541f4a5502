import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { childAt } from '../src/cmaf/box.ts';
import { isSync, readFragment } from '../src/cmaf/media-segment.ts';
import {
  createRemuxSources,
  type EncodingProfile,
  encodeUnit,
  type MediaPlan,
  type RemuxRung,
  rungSegments,
} from '../src/index.ts';
import { encode, ffmpeg, ffprobe, pictures, plan, settings, temporaryFolder, tone, x264 } from './samples.ts';

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());
const at = (name: string) => join(folder.path, name);

const profile: EncodingProfile = {
  name: 'remux',
  renditions: [
    { height: 120, codec: 'h264', maxBitrateBps: 4_000_000 },
    { height: 64, codec: 'h264', maxBitrateBps: 150_000 },
  ],
  audio: [{ codec: 'aac', bitrateBps: 64_000, channels: 2 }],
  segmentSeconds: 2,
  preset: 'ultrafast',
};

const film = [...pictures('160x120', '25', 7), ...tone(7)];
const closed = [...x264, '-g', '25', '-bf', '2', '-sc_threshold', '0', '-flags', '+cgop', '-c:a', 'aac'];
const everyFew = '0,1.2,1.9,3.6,4,6.2';

/** Sources that are what a rung asks for. */
const remuxed: Record<string, string[]> = {
  'fixed.mp4': [...film, ...closed],
  'varying.mp4': [...film, ...closed, '-g', '250', '-force_key_frames', everyFew],
  'plain.mov': [...film, ...closed, '-bf', '0'],
  'variable-rate.mp4': [
    ...[...film, '-vf', "select='not(mod(n,7)*eq(mod(n,3),1))'", '-fps_mode', 'vfr'],
    ...[...closed, '-force_key_frames', everyFew],
  ],
  'late-pictures.mp4': ['-itsoffset', '0.37', ...pictures('160x120', '25', 7), ...tone(7), ...closed],
  'late-sound.mp4': [...pictures('160x120', '25', 7), '-itsoffset', '0.31', ...tone(7), ...closed],
  'offset.mp4': [...film, ...closed, '-output_ts_offset', '2.5'],
  'fragmented.mp4': [...film, ...closed, '-movflags', '+frag_keyframe+empty_moov+default_base_moof'],
  'ntsc.mp4': [...pictures('160x120', '30000/1001', 6.5), ...tone(6.3), ...closed, '-g', '61'],
  'silent.mp4': [...pictures('160x120', '24', 6), ...closed],
};

/** Sources that are not, and why. */
const refused: Record<string, string[]> = {
  'open groups.mp4': [...film, ...x264, '-bf', '2', '-x264-params', 'open-gop=1:keyint=25:scenecut=0'],
  'groups too long.mp4': [...pictures('160x120', '5', 14), ...x264, '-g', '999'],
  '4:2:2.mp4': [...film, '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv422p', '-g', '25'],
  'interlaced.mp4': [...film, ...closed, '-x264-params', 'interlaced=1'],
  'anamorphic.mp4': [...film, '-vf', 'setsar=4/3', ...closed],
  'another codec.mp4': [...film, '-c:v', 'mpeg4', '-g', '25', '-c:a', 'aac'],
  'another size.mp4': [...pictures('200x150', '25', 4), ...closed],
  'pictures from a cut on.mp4': ['-ss', '1.5', '-i', 'fixed.mp4', '-c', 'copy'],
  'rotated.mp4': ['-i', 'fixed.mp4', '-c', 'copy', '-metadata:s:v', 'rotate=90'],
  'another container.mkv': ['-i', 'fixed.mp4', '-c', 'copy'],
};

const make = (name: string, args: readonly string[]) =>
  ffmpeg(...args.map((arg) => (arg === 'fixed.mp4' ? at(arg) : arg)), at(name));

beforeAll(async () => {
  for (const [name, args] of Object.entries(remuxed)) await make(name, args);
}, 60_000);

const countOf = ({ segments }: Pick<RemuxRung, 'segments'>) =>
  segments.reduce((sum, run) => sum + run.count, 0);
const ticksOf = ({ segments }: Pick<RemuxRung, 'segments'>) =>
  segments.reduce((sum, run) => sum + run.count * run.duration, 0);

/** Plans a file and remuxes all of it, in units of three segments. */
async function remux(name: string) {
  const media = await plan(at(name), profile);
  const rung = media.ladder.remux;
  if (rung === undefined) throw new Error(`${name} is not remuxed`);
  const total = countOf(rung);
  const inits: Buffer[] = [];
  const segments: Buffer[] = [];
  const durations: number[] = [];
  const remuxSources = createRemuxSources();
  for (let firstSegment = 0; firstSegment < total; firstSegment += 3) {
    const unit = {
      kind: 'remux',
      rung: rung.name,
      firstSegment,
      segmentCount: Math.min(3, total - firstSegment),
    } as const;
    for await (const part of encodeUnit(media, unit, { ...settings, sourcePath: at(name), remuxSources })) {
      expect(part.rung).toBe(rung.name);
      if (part.kind === 'init') inits.push(part.bytes);
      else {
        expect(part.index).toBe(segments.length);
        segments.push(part.bytes);
        durations.push(part.durationTicks);
      }
    }
  }
  const [init] = inits as [Buffer];
  const path = at(`${name}.out.mp4`);
  await writeFile(path, Buffer.concat([init, ...segments]));
  return { media, rung, inits, init, segments, durations, path };
}

/** Hashes of all pictures, and when each is presented. */
async function framesOf(path: string) {
  const output = await ffmpeg('-i', path, '-map', '0:v', '-fps_mode', 'passthrough', '-f', 'framemd5', '-');
  const lines = output.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const { streams } = await ffprobe('-select_streams', 'v', '-show_entries', 'packet=pts_time,flags', path)
    .then((json) => json as unknown as { streams: unknown; packets: { pts_time: string; flags: string }[] })
    .then(({ packets }) => ({ streams: packets }));
  const times = streams.filter(({ flags }) => flags[1] !== 'D').map(({ pts_time }) => Number(pts_time));
  return { hashes: lines.map((line) => line.split(',')[5]?.trim()), times: times.sort((a, b) => a - b) };
}

describe.each(Object.keys(remuxed))('%s', (name) => {
  test('shows exactly the frames of the source, when the source shows them', async () => {
    const { media, rung, path } = await remux(name);
    const [source, output] = [await framesOf(at(name)), await framesOf(path)];
    expect(output.hashes).toEqual(source.hashes);
    expect(output.times[0], 'the first stands from the start on').toBe(0);
    const start = media.source.timeline.startSeconds;
    const late = output.times.slice(1).map((time, index) => time - ((source.times[index + 1] ?? 0) - start));
    expect(Math.max(...late.map(Math.abs)), 'seconds beside the source').toBeLessThan(
      2 / rung.timescale + 1e-5,
    );
    expect(Math.abs(ticksOf(rung) / rung.timescale - media.source.durationSeconds)).toBeLessThan(0.05);
  });

  test('is cut as planned, each segment in its place, decodable alone', async () => {
    const { media, rung, inits, init, segments, durations } = await remux(name);
    expect(new Set(inits.map((each) => each.toString('hex'))).size).toBe(1);
    expect(rungSegments(media, rung.name)).toEqual({ timescale: rung.timescale, segments: rung.segments });
    expect(durations).toEqual(rung.segments.flatMap(({ count, duration }) => Array(count).fill(duration)));
    expect(media.ladder.video.map((each) => each.name)).toEqual(['h264-64p']);
    let decodeTime = 0;
    let largest = 0;
    for (const [index, segment] of segments.entries()) {
      const moof = childAt(segment, 'moof').content;
      expect(childAt(moof, 'mfhd').content.readUInt32BE(4)).toBe(index + 1);
      expect(childAt(moof, 'traf', 'tfdt').content.readBigUInt64BE(4)).toBe(BigInt(decodeTime));
      const { samples, durations: ticks } = readFragment(childAt(segment, 'moof').bytes);
      expect(samples[0] && isSync(samples[0])).toBe(true);
      expect(samples.every(({ compositionOffset }) => compositionOffset >= 0)).toBe(true);
      expect(ticks.reduce((sum, each) => sum + each, 0)).toBe(durations[index]);
      decodeTime += durations[index] ?? 0;
      largest = Math.max(largest, (segment.length * 8 * rung.timescale) / (durations[index] ?? 1));
      const alone = at(`${name}-alone.mp4`);
      await writeFile(alone, Buffer.concat([init, segment]));
      const { streams } = await ffprobe('-count_frames', '-show_entries', 'stream=nb_read_frames', alone);
      expect(streams[0]?.nb_read_frames).toBe(`${samples.length}`);
      if (index % 3 === 1) expect(await ffmpeg('-xerror', '-i', alone, '-f', 'null', '-')).toBe('');
    }
    const config = init.indexOf('avcC');
    expect(`avc1.${init.toString('hex', config + 5, config + 8)}`).toBe(rung.codecs);
    const bytes = segments.reduce((sum, segment) => sum + segment.length, 0);
    expect((bytes * 8) / (ticksOf(rung) / rung.timescale)).toBeLessThanOrEqual(rung.averageBitrateBps);
    expect(rung.peakBitrateBps).toBeGreaterThanOrEqual(rung.averageBitrateBps);
    expect(largest).toBeLessThan(rung.peakBitrateBps * 2.5);
  });
});

test('a flash and its beep stay together', async () => {
  // At 1, 3 and 5 s the picture is white and there is sound, for a fifth of a second.
  const on = 'lt(mod(t+1,2),0.2)';
  await make('flashes.mp4', [
    ...[
      '-itsoffset',
      '0.25',
      '-f',
      'lavfi',
      '-i',
      `color=black:s=160x120:r=25:d=6,geq=lum='if(lt(mod(T+1,2),0.2),235,16)':cb=128:cr=128`,
    ],
    ...['-itsoffset', '0.25', '-f', 'lavfi', '-i', `aevalsrc='0.8*sin(2*PI*1000*t)*${on}':s=48000:d=6`],
    ...closed,
  ]);
  const { media, path } = await remux('flashes.mp4');
  const [audio] = media.ladder.audio;
  const sound = {
    kind: 'audio',
    rung: audio?.name ?? '',
    firstSegment: 0,
    segmentCount: media.grid.segmentCount,
  } as const;
  const encoded = [...(await encode(media, at('flashes.mp4'), [sound])).values()][0];
  await writeFile(
    at('beeps.mp4'),
    Buffer.concat([encoded?.inits[0] as Buffer, ...(encoded?.segments ?? [])]),
  );
  const starts = async (input: string, filter: string, type: string) => {
    const output = await ffmpeg(
      '-i',
      input,
      filter.startsWith('silence') ? '-af' : '-vf',
      `${filter},${type}metadata=mode=print:file=-`,
      '-f',
      'null',
      '-',
    );
    return [...output.matchAll(/(?:black|silence)_end=([\d.]+)/g)].map(([, time]) => Number(time));
  };
  const beeps = await starts(at('beeps.mp4'), 'silencedetect=n=0.1:d=0.3', 'a');
  const flashes = await starts(path, 'blackdetect=d=0.3:pix_th=0.5', '');
  expect(flashes).toHaveLength(3);
  flashes.forEach((flash, index) => {
    expect(Math.abs(flash - (beeps[index] ?? 0)), `flash ${index}`).toBeLessThan(1024 / 48_000);
  });
});

describe('what is not what a rung asks for is encoded', () => {
  test.each(Object.keys(refused))('%s', async (name) => {
    await make(name, refused[name] ?? []);
    const { ladder } = await plan(at(name), profile);
    expect(ladder.remux).toBeUndefined();
    expect(ladder.video.length).toBeGreaterThan(0);
  });

  test('two sample descriptions', async () => {
    const bytes = await import('node:fs/promises').then((fs) => fs.readFile(at('fixed.mp4')));
    // The first chunk of the pictures claims to have another one.
    const stsc = bytes.indexOf('stsc');
    bytes.writeUInt32BE(2, stsc + 20);
    await writeFile(at('two.mp4'), bytes);
    const media: MediaPlan | undefined = await plan(at('two.mp4'), profile).catch(() => undefined);
    expect(media?.ladder.remux).toBeUndefined();
  });

  test('sound alone, a profile that does not want it, a rate that is too high', async () => {
    await make('sound.m4a', [...tone(3), '-c:a', 'aac']);
    expect((await plan(at('sound.m4a'), profile)).ladder).not.toHaveProperty('remux');
    const [top, low] = profile.renditions as [
      EncodingProfile['renditions'][0],
      EncodingProfile['renditions'][0],
    ];
    const never = { ...profile, renditions: [{ ...top, remux: false }, low] };
    const tight = { ...profile, renditions: [{ ...top, maxBitrateBps: 20_000 }, low] };
    for (const other of [never, tight, { ...profile, maxFrameRate: 20 }]) {
      const { ladder } = await plan(at('fixed.mp4'), other);
      expect(ladder.remux).toBeUndefined();
      expect(ladder.video).toHaveLength(2);
    }
  });
});

test('a ladder of one rung is remuxed alone, and the plan stays small', async () => {
  const media = await plan(at('fixed.mp4'), { ...profile, renditions: profile.renditions.slice(0, 1) });
  expect(media.ladder).toMatchObject({ video: [], remux: { name: 'h264-120p', codecs: /^avc1\.42c0/ } });
  expect(media.source.video).not.toHaveProperty('copyable');
  expect(JSON.parse(JSON.stringify(media))).toEqual(media);
});

test('a unit that is not planned, and a source that has changed, are refused', async () => {
  const media = await plan(at('fixed.mp4'), profile);
  const unit = { kind: 'remux', rung: 'h264-120p', firstSegment: 0, segmentCount: 1 } as const;
  const run = (changes: object, path = at('fixed.mp4')) =>
    Array.fromAsync(encodeUnit(media, { ...unit, ...changes }, { ...settings, sourcePath: path }));
  await expect(run({ rung: 'h264-64p' })).rejects.toMatchObject({ reason: 'UNIT_INVALID' });
  await expect(run({ segmentCount: 99 })).rejects.toMatchObject({ reason: 'UNIT_INVALID' });
  await expect(run({ firstSegment: 2 }, at('varying.mp4'))).rejects.toMatchObject({ reason: 'UNIT_INVALID' });
  await expect(run({}, at('absent.mp4'))).rejects.toMatchObject({ reason: 'SOURCE_MISSING' });
});
