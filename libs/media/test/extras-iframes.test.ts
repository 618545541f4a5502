import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { indexIFrames, mediaSegment, type SegmentedTrack, videoSegmentRuns } from '../src/index.ts';
import { encode, ffmpeg, pictures, plan, temporaryFolder, unitsOf, x264 } from './samples.ts';

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());
const at = (name: string) => join(folder.path, name);
const { signal } = new AbortController();

const sync = 0x02000000;
const nonSync = 0x01010000;

/** A track of one segment of a second. */
function trackOf(bytes: Buffer, reads: (number | undefined)[] = []): SegmentedTrack {
  return {
    init: Buffer.alloc(0),
    timescale: 1000,
    segments: [{ count: 1, duration: 1000 }],
    readSegment: async (_, maxBytes = bytes.length) => {
      reads.push(maxBytes);
      return bytes.subarray(0, maxBytes);
    },
  };
}

const segmentOf = (count: number, firstFlags = sync) =>
  mediaSegment(
    { index: 0, decodeTime: 0, sampleDuration: 1 },
    Array.from({ length: count }, (_, i) => ({
      sizeBytes: i === 0 ? 50 : 2,
      flags: i === 0 ? firstFlags : nonSync,
      compositionOffset: i % 3,
    })),
    Buffer.alloc(50 + 2 * (count - 1)),
  );

/** MD5s of the frames that ffmpeg decodes; a picture is followed by nothing, which it complains of. */
async function frames(name: string, ...parts: Uint8Array[]): Promise<string[]> {
  await writeFile(at(name), Buffer.concat(parts));
  const text = await ffmpeg('-i', at(name), '-fps_mode', 'passthrough', '-f', 'framemd5', '-');
  return text
    .split('\n')
    .filter((line) => /^\d/.test(line))
    .map((line) => line.split(',').at(-1)?.trim() ?? '');
}

test('each range decodes to the first picture of its segment, and to no other', async () => {
  await ffmpeg(...pictures('160x120', '25', 2.6), ...x264, at('film.mp4'));
  const media = await plan(at('film.mp4'));
  const track = (await encode(media, at('film.mp4'), unitsOf(media, 9))).get('h264-120p');
  const [init = Buffer.alloc(0)] = track?.inits ?? [];
  const segments = track?.segments ?? [];
  const index = await indexIFrames(
    {
      init,
      timescale: media.grid.video?.timescale ?? 0,
      segments: videoSegmentRuns(media.grid),
      readSegment: async (i, maxBytes) => (segments[i] ?? Buffer.alloc(0)).subarray(0, maxBytes),
    },
    { signal },
  );
  expect(index.ranges).toHaveLength(3);
  for (const [i, { offset, sizeBytes }] of index.ranges.entries()) {
    const segment = segments[i] ?? Buffer.alloc(0);
    const range = segment.subarray(offset, offset + sizeBytes);
    expect(range.toString('latin1', 4, 8)).toBe('moof');
    const [first] = await frames('whole.mp4', init, segment);
    expect(await frames('range.mp4', init, range)).toEqual([first]);
    // One byte less is not the whole picture any more.
    await expect(frames('less.mp4', init, range.subarray(0, -1))).rejects.toThrow('Invalid NAL unit size');
  }
  const bits = index.ranges.map(({ sizeBytes }) => sizeBytes * 8);
  expect(index.averageBandwidthBps).toBe(Math.ceil(bits.reduce((a, b) => a + b, 0) / 2.6));
  // The last segment is the shortest.
  expect(index.peakBandwidthBps).toBe(Math.ceil(Math.max(...bits.slice(0, 2), (bits[2] ?? 0) / 0.6)));
});

test('only the head of a segment is read, and once more where that is long', async () => {
  const reads: (number | undefined)[] = [];
  const short = segmentOf(100);
  const { ranges } = await indexIFrames(trackOf(short, reads), { signal });
  expect(reads).toEqual([4096]);
  const moof = short.indexOf('moof') - 4;
  expect(ranges).toEqual([{ offset: moof, sizeBytes: short.indexOf('mdat') + 4 + 50 - moof }]);
  const long = segmentOf(3600);
  await indexIFrames(trackOf(long, reads), { signal });
  expect(reads.slice(1)).toEqual([4096, long.indexOf('mdat') - 4]);
});

test.each([
  ['no picture that stands by itself', segmentOf(5, nonSync)],
  ['no box', Buffer.alloc(5000, 7)],
  ['nothing', Buffer.alloc(0)],
  ['half a moof', segmentOf(100).subarray(0, 90)],
])('a segment that begins with %s is refused', async (_, bytes) => {
  await expect(indexIFrames(trackOf(bytes), { signal })).rejects.toMatchObject({
    reason: 'STORED_SEGMENT_INVALID',
  });
});
