import fc from 'fast-check';
import { expect, test } from 'vitest';
import { defaultProfile, planLadder, planMedia, type VideoSource } from '../src/index.ts';
import { exampleAudio, exampleSound, exampleSource, silentSource } from './example-source.ts';

const ladderOf = (video: Partial<VideoSource>) =>
  planMedia(silentSource(10, video), defaultProfile).ladder.video;
const sizes = (video: Partial<VideoSource>) =>
  ladderOf(video).map((rung) => `${rung.name} ${rung.width}x${rung.height}`);

test.each<[string, number, number, string[]]>([
  [
    '1080p',
    1920,
    1080,
    [
      'h264-1080p 1920x1080',
      'h264-720p 1280x720',
      'h264-480p 854x480',
      'h264-360p 640x360',
      'h264-240p 426x240',
    ],
  ],
  [
    'portrait',
    720,
    1280,
    ['h264-720p 720x1280', 'h264-480p 480x854', 'h264-360p 360x640', 'h264-240p 240x426'],
  ],
  [
    'between two rungs',
    1600,
    900,
    [
      'h264-900p 1600x900',
      'h264-720p 1280x720',
      'h264-480p 854x480',
      'h264-360p 640x360',
      'h264-240p 426x240',
    ],
  ],
  ['hardly above a rung', 960, 540, ['h264-480p 854x480', 'h264-360p 640x360', 'h264-240p 426x240']],
  ['smaller than every rung', 161, 121, ['h264-120p 160x120']],
  ['one pixel', 1, 1, ['h264-16p 16x16']],
  [
    '8K',
    7680,
    4320,
    [
      'h264-1080p 1920x1080',
      'h264-720p 1280x720',
      'h264-480p 854x480',
      'h264-360p 640x360',
      'h264-240p 426x240',
    ],
  ],
])('%s', (_, displayWidth, displayHeight, expected) => {
  expect(sizes({ displayWidth, displayHeight })).toEqual(expected);
});

test('any size gives even rungs that are never above the source and fit their level', () => {
  const side = fc.integer({ min: 1, max: 8192 });
  fc.assert(
    fc.property(side, side, (displayWidth, displayHeight) => {
      const rungs = ladderOf({ displayWidth, displayHeight });
      expect(rungs.length).toBeGreaterThan(0);
      expect(new Set(rungs.map((rung) => rung.name)).size).toBe(rungs.length);
      for (const { width, height, codecs } of rungs) {
        expect([width % 2, height % 2]).toEqual([0, 0]);
        expect(width).toBeLessThanOrEqual(
          Math.max(16, displayWidth + 1, Math.ceil((displayWidth / displayHeight) * 16) + 2),
        );
        expect(Math.max(width, height)).toBeLessThanOrEqual(4096);
        expect(codecs).toMatch(/^avc1\.(6400|4d40)[0-9a-f]{2}$/);
      }
    }),
  );
});

test.each([
  [25, 'avc1.640028'],
  [60, 'avc1.64002a'],
])('1080p at %d frames has the level of table A-1', (num, codecs) => {
  expect(ladderOf({ frameRate: { num, den: 1 } })[0]?.codecs).toBe(codecs);
});

test('peaks leave room for the buffer and the container', () => {
  const [rung] = ladderOf({});
  expect(rung?.peakBitrateBps).toBeGreaterThan((rung?.maxBitrateBps ?? 0) * 1.25);
  expect(rung?.averageBitrateBps).toBeLessThan(rung?.maxBitrateBps ?? 0);
});

test('each audio stream becomes a track with a name of its own', () => {
  const source = exampleSource();
  const { grid } = planMedia(source, defaultProfile);
  const audios = ['eng', 'eng', 'deu'].map((language, index) => ({
    ...exampleAudio,
    index: index + 1,
    language,
  }));
  expect(
    planLadder({ ...source, audios }, grid, defaultProfile).audio.map((rung) => [
      rung.name,
      rung.sourceIndex,
    ]),
  ).toEqual([
    ['aac-eng-128k', 1],
    ['aac-eng-128k-2', 2],
    ['aac-deu-128k', 3],
  ]);
});

test.each<[channels: number, expected: (string | number)[][]]>([
  [1, [['aac-und-64k', 1, 'aac-1']]],
  [2, [['aac-und-128k', 2, 'aac-1']]],
  [4, [['aac-und-128k', 2, 'aac-1']]],
  [
    6,
    [
      ['aac-und-128k', 2, 'aac-1'],
      ['aac-und-384k', 6, 'aac-2'],
    ],
  ],
  [
    8,
    [
      ['aac-und-128k', 2, 'aac-1'],
      ['aac-und-384k', 6, 'aac-2'],
    ],
  ],
])(
  'of %d channels the default profile makes stereo first, and 5.1 where it is there',
  (channels, expected) => {
    const { audio } = planMedia(exampleSource(10, {}, { channels }), defaultProfile).ladder;
    expect(audio.map((rung) => [rung.name, rung.channels, rung.group])).toEqual(expected);
  },
);

test('a single surround rendition is made of every source, with no more channels than the codec has', () => {
  const channelsOf = (codec: 'aac' | 'opus', channels: number) =>
    planMedia(exampleSource(10, {}, { channels }), {
      ...defaultProfile,
      audio: [{ codec, bitrateBps: 384_000, channels: 8 }],
    }).ladder.audio.map((rung) => [rung.channels, rung.bitrateBps]);
  expect(channelsOf('aac', 8)).toEqual([[6, 384_000]]);
  expect(channelsOf('aac', 2)).toEqual([[2, 128_000]]);
  expect(channelsOf('opus', 8)).toEqual([[8, 384_000]]);
  expect(channelsOf('opus', 3)).toEqual([[3, 144_000]]);
});

test('sound alone has no video rung, and a profile without audio makes nothing of it', () => {
  const sound = exampleSound(10, 44_100);
  expect(planMedia(sound, defaultProfile).ladder).toMatchObject({
    video: [],
    audio: [{ codecs: 'mp4a.40.2' }],
  });
  expect(() => planMedia(sound, { ...defaultProfile, audio: [] })).toThrow(/makes no track/);
});

test('a frame rate that does not divide the segment is left alone', () => {
  const rendition = { height: 360, codec: 'h264', maxBitrateBps: 800_000, frameRate: 12 } as const;
  const profile = { ...defaultProfile, renditions: [rendition], segmentSeconds: 1 };
  expect(planMedia(silentSource(10, {}), profile).ladder.video[0]?.frameRateDivisor).toBe(1);
  expect(
    planMedia(silentSource(10, { frameRate: { num: 24, den: 1 } }), profile).ladder.video[0],
  ).toMatchObject({
    frameRateDivisor: 2,
    frameRate: { num: 12, den: 1 },
  });
});
