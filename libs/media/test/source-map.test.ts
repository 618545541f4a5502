import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  defaultSourceLimits,
  type EncodeUnit,
  fetchedBytes,
  mapSource,
  planMedia,
  probeSource,
  type SourceParts,
  unitFingerprint,
} from '../src/index.ts';
import { encode, ffmpeg, pictures, quickProfile, temporaryFolder, tone, tools, x264 } from './samples.ts';

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());

/** A file with holes, into which parts of another one are copied when they are asked for. */
async function holes(path: string) {
  const copy = `${path}.holes`;
  const { size } = await stat(path);
  await using made = await open(copy, 'w');
  await made.truncate(size);
  let copied = 0;
  const peek: SourceParts['peek'] = async (start, end) => {
    await using from = await open(path);
    const bytes = Buffer.alloc(Math.min(end, size) - start);
    await from.read(bytes, 0, bytes.length, start);
    return bytes;
  };
  const fetch: SourceParts['fetch'] = async (start, end) => {
    const bytes = await peek(start, end);
    await using to = await open(copy, 'r+');
    await to.write(bytes, 0, bytes.length, start);
    copied += bytes.length;
  };
  return { path: copy, size, parts: { fetch, peek }, copied: () => copied };
}

const seconds = 150;
const film = [...pictures('320x180', '25', 10), ...tone(10), ...tone(10, 44_100)];
const maps = ['-map', '0:v', '-map', '1:a', '-map', '2:a'];

describe.each([
  ['index first', ['-movflags', '+faststart']],
  ['index last, late', ['-output_ts_offset', '3.2']],
])('%s', (name, how) => {
  const path = join(folder.path, `${name}.mp4`);

  beforeAll(async () => {
    const short = join(folder.path, `${name}-short.mp4`);
    await ffmpeg(...film, ...maps, ...x264, '-bf', '2', '-g', '60', '-c:a', 'aac', short);
    const copied = ['-map', '0', '-c', 'copy', '-t', `${seconds}`];
    await ffmpeg('-stream_loop', '-1', '-i', short, ...copied, ...how, path);
  });

  test('a probe of parts finds what a probe of all finds', async () => {
    const { path: partial, parts, size, copied } = await holes(path);
    const scratch = await temporaryFolder();
    const options = { tools, scratchDirectory: scratch.path };
    const whole = await probeSource(path, defaultSourceLimits, { tools });
    expect(await probeSource(partial, defaultSourceLimits, { ...options, parts })).toEqual(whole);
    expect(copied()).toBeLessThan(size / 4);
    await scratch[Symbol.asyncDispose]();
  });

  test('units are made of their ranges alone', async () => {
    const { source } = await probeSource(path, defaultSourceLimits, { tools }).then((found) => ({
      source: found,
    }));
    const profile = { ...quickProfile, audio: [{ codec: 'aac', bitrateBps: 64_000, channels: 2 }] } as const;
    const encoded = planMedia(source, profile);
    const copied = planMedia(source, {
      ...profile,
      segmentSeconds: 2,
      renditions: [{ height: 180, codec: 'h264', maxBitrateBps: 20_000_000 }],
    });
    const rungs = encoded.ladder.video.map((rung) => rung.name);
    const { remux } = copied.ladder;
    if (!remux) throw new Error('the pictures can be taken over');
    const range = (firstSegment: number, segmentCount: number) => ({ firstSegment, segmentCount });
    const units: [typeof encoded, EncodeUnit][] = [
      ...[range(0, 2), range(70, 3), range(148, 2)].flatMap((each): [typeof encoded, EncodeUnit][] => [
        [encoded, { kind: 'video', rungs, ...each }],
        ...encoded.ladder.audio.map((rung): [typeof encoded, EncodeUnit] => [
          encoded,
          { kind: 'audio', rung: rung.name, ...each },
        ]),
      ]),
      [copied, { kind: 'remux', rung: remux.name, ...range(20, 3) }],
    ];
    for (const [plan, unit] of units) {
      const { path: partial, parts, size, copied: taken } = await holes(path);
      await using file = await open(partial);
      const map = await mapSource(fetchedBytes(file, parts), size);
      const ranges = map?.rangesOf(plan, unit) ?? [[0, size]];
      for (const [start, end] of ranges) await parts.fetch(start, end);
      expect(taken(), unitFingerprint(plan, unit)).toBeLessThan(size * 0.6);
      const whole = await encode(plan, path, [unit]);
      const partly = await encode(plan, partial, [unit]);
      expect(partly).toEqual(whole);
    }
  });
});
