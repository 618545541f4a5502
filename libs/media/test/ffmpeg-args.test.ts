import { expect, test } from 'vitest';
import {
  audioUnitArgs,
  defaultProfile as builtIn,
  planMedia,
  type SourceInfo,
  videoUnitArgs,
} from '../src/index.ts';
import { exampleSource } from './example-source.ts';

const settings = { sourcePath: '/srv/-odd name:%d.mp4', threads: 2, maxPixels: 1_000_000, maxStreams: 64 };
/** All segments are alike. */
const { firstSegmentSeconds: _, ...defaultProfile } = builtIn;
const unit = { kind: 'video', rungs: ['h264-360p', 'h264-240p'], firstSegment: 1, segmentCount: 2 } as const;

const audio = { kind: 'audio', rung: 'aac-und-128k', firstSegment: 1, segmentCount: 1 } as const;

/** One option with its values a line, so that a change of one can be read. */
const lines = (args: readonly string[]) =>
  `${args.reduce((text, arg) => `${text}${/^-[a-z]/.test(arg) ? '\n' : ' '}${arg}`, '').trim()}\n`;
const golden = (name: string, args: readonly string[]) =>
  expect(lines(args)).toMatchFileSnapshot(`golden/${name}.txt`);
const videoArgs = (source: SourceInfo) => videoUnitArgs(planMedia(source, defaultProfile), unit, settings);

test('video of a plain source', () => golden('video', videoArgs(exampleSource())));

test('rotated, anamorphic, interlaced MPEG-TS with an offset', () =>
  golden(
    'video-broadcast',
    videoArgs({
      ...exampleSource(10, {
        rotation: 90,
        isMirrored: true,
        isInterlaced: true,
        displayWidth: 1080,
        displayHeight: 1920,
        timeBase: { num: 1, den: 90_000 },
        startSeconds: 7.3,
        endSeconds: 17.3,
        lastFrameSeconds: 17.26,
      }),
      container: 'mpegts',
      timeline: { startSeconds: 7.3, gaps: [{ endSeconds: 36_000, seconds: 35_990 }] },
    }),
  ));

test('HDR', () =>
  golden(
    'video-hdr',
    videoArgs(exampleSource(10, { hdr: 'pq', bitDepth: 10, colour: { transfer: 'smpte2084' } })),
  ));

test.each(['hevc', 'vp9', 'av1'] as const)('encoder of %s', (codec) => {
  const profile = { ...defaultProfile, renditions: [{ height: 720, codec, maxBitrateBps: 2_000_000 }] };
  const wanted = { ...unit, rungs: [`${codec}-720p`] };
  const args = videoUnitArgs(planMedia(exampleSource(), profile), wanted, settings);
  return golden(`video-${codec}`, args.slice(args.indexOf('-map')));
});

test('encoder of Opus, resampled', () => {
  const profile = { ...defaultProfile, audio: [{ codec: 'opus', bitrateBps: 96_000, channels: 2 }] } as const;
  const plan = planMedia(exampleSource(10, {}, { sampleRate: 44_100 }), profile);
  const args = audioUnitArgs(plan, { ...audio, rung: 'opus-und-96k' }, settings);
  return golden('audio-opus', args.slice(args.indexOf('-filter_complex')));
});

test('the first chunk shows its first picture from frame 0 on and does not seek', () => {
  const args = videoUnitArgs(
    planMedia(exampleSource(), defaultProfile),
    { ...unit, firstSegment: 0 },
    settings,
  );
  expect(args).not.toContain('-ss');
  expect(args[args.indexOf('-filter_complex') + 1]).toContain('fps=25/1:start_time=0,');
});

test('audio with pre-roll', () =>
  golden('audio', audioUnitArgs(planMedia(exampleSource(), defaultProfile), audio, settings)));

test('after its end, audio is silence and the source is not read', () => {
  const source = exampleSource(10, {}, { endSeconds: 1 });
  const args = audioUnitArgs(planMedia(source, defaultProfile), audio, settings);
  expect(args.join(' ')).toContain('-f lavfi -i anullsrc=r=48000:cl=stereo');
  expect(args.join(' ')).not.toContain(settings.sourcePath);
});

test.each([
  [{ ...unit, firstSegment: 2 }, /not within the 3/],
  [{ ...unit, rungs: ['h264-9999p'] }, /no video rung h264-9999p/],
  [{ ...unit, rungs: [] }, /names no rung/],
  [{ ...unit, segmentCount: 0 }, /not within/],
])('a unit outside of the plan is refused', (wrong, message) => {
  expect(() => videoUnitArgs(planMedia(exampleSource(), defaultProfile), wrong, settings)).toThrow(message);
});
