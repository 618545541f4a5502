import type { LoudnessRequest, MediaPlan } from '@kerkis/media';
import { expect, test } from 'vitest';
import { examplePlan } from '../../test/example-plan.ts';
import { normaliseSound } from './normalise-sound.ts';

const target = { integratedLufs: -23, truePeakDbtp: -1 };
const loudness = (integratedLufs: number, truePeakDbtp = -20) => ({
  integratedLufs,
  truePeakDbtp,
  rangeLu: 5,
});

/** A plan of three rungs of sound: two of one stream alike, one of it with another number of channels. */
function plan(): MediaPlan {
  const one = examplePlan({ seconds: 4, hasVideo: true, hasAudio: true, segmentMs: 1000 });
  const [rung] = one.ladder.audio;
  if (!rung) throw new Error('the example has sound');
  const audio = [rung, { ...rung, name: 'low', bitrateBps: 48_000 }, { ...rung, name: 'mono', channels: 1 }];
  return { ...one, ladder: { ...one.ladder, audio } };
}

test('each stream is measured once for each number of channels, and its rungs get the gain', async () => {
  const asked: LoudnessRequest[] = [];
  const made = await normaliseSound(plan(), target, async (request) => {
    asked.push(request);
    return request.channels === 1 ? loudness(-23) : loudness(-30);
  });
  expect(asked).toEqual([
    { streamIndex: 1, channels: 2 },
    { streamIndex: 1, channels: 1 },
  ]);
  expect(made.ladder.audio.map(({ gainDb }) => gainDb)).toEqual([7, 7, undefined]);
  expect(made.ladder.video).toEqual(plan().ladder.video);
});

test('a peak limits the gain', async () => {
  const made = await normaliseSound(plan(), target, async () => loudness(-30, -3));
  expect(made.ladder.audio.map(({ gainDb }) => gainDb)).toEqual([2, 2, 2]);
});
