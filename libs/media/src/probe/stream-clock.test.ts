import { expect, test } from 'vitest';
import type { Packet } from './ffprobe.ts';
import { toPresentationSeconds, toSourceSeconds } from './source-info.ts';
import { StreamClock } from './stream-clock.ts';
import { planTimeline } from './timeline.ts';

const timeBase = { num: 1, den: 1000 };
const packet = (pts: number, duration = 40, isKeyframe = false): Packet => ({
  streamIndex: 0,
  pts,
  dts: pts,
  duration,
  isKeyframe,
});
const reading = (packets: readonly Packet[], maxGap = 60) => {
  const clock = new StreamClock(timeBase);
  for (const each of packets) clock.add(each);
  return clock.read(maxGap, { num: 25, den: 1 });
};
const steady = (count: number, step: number, start = 0) =>
  Array.from({ length: count }, (_, index) => packet(Math.round(start + index * step), Math.round(step)));

test('decode order does not matter', () => {
  const read = reading([packet(100), packet(220), packet(140), packet(180)]);
  expect(read).toMatchObject({ startSeconds: 0.1, endSeconds: 0.26, lastFrameSeconds: 0.22, packetCount: 4 });
});

test('milliseconds still mean 24000/1001', () => {
  expect(reading(steady(100, 1001 / 24))?.rate).toEqual({
    frameRate: { num: 24_000, den: 1001 },
    isVariable: false,
  });
});

test('a rate that wanders is variable and conformed to what most frames have', () => {
  const packets = Array.from({ length: 90 }, (_, index) =>
    packet(index * 33 + (index > 40 ? 900 : 0) + (index % 3) * 12),
  );
  expect(reading(packets)?.rate).toEqual({
    frameRate: expect.objectContaining({ num: expect.any(Number) }),
    isVariable: true,
  });
});

test('a last frame of hours is not believed', () => {
  expect(reading([...steady(10, 40), packet(400, 143_165_000)])?.endSeconds).toBeCloseTo(0.44, 6);
});

test('frames that all have the same time stamp are one frame', () => {
  expect(reading([packet(0), packet(0), packet(0)])).toMatchObject({
    startSeconds: 0,
    endSeconds: 0.04,
    rate: { frameRate: { num: 25, den: 1 } },
  });
});

test('the longest way between keyframes counts up to the end', () => {
  const packets = steady(100, 40).map((each, index) => ({
    ...each,
    isKeyframe: index === 0 || index === 25,
  }));
  expect(reading(packets)?.maxKeyframeIntervalSeconds).toBeCloseTo(2.96, 6);
});

test('a gap of ten hours that all streams have is cut out, one that a stream bridges is not', () => {
  const far = 36_000_000;
  const picture = reading([...steady(25, 40), ...steady(25, 40, far)])?.spans ?? [];
  expect(picture).toHaveLength(2);
  const { timeline, endSeconds } = planTimeline(picture, 60);
  expect(timeline.gaps).toEqual([{ endSeconds: 36_000, seconds: 35_999 }]);
  expect(toPresentationSeconds(timeline, endSeconds)).toBeCloseTo(2, 6);
  expect(toSourceSeconds(timeline, 1.5)).toBeCloseTo(36_000.5, 6);
  expect(toSourceSeconds(timeline, 0.5)).toBeCloseTo(0.5, 6);
  expect(planTimeline([...picture, { start: 0, end: 36_001 }], 60).timeline.gaps).toEqual([]);
});
