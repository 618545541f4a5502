import { toBinary } from '@bufbuild/protobuf';
import { SourceInfoSchema } from '@kerkis/contracts/media';
import { expect, test } from 'vitest';
import { examplePlan } from '../../test/example-plan.ts';
import { sourceInfoMessage } from './tracks.ts';

test('a picture with samples that are not square has whole pixels in the API', () => {
  const { source } = examplePlan({ seconds: 2, hasVideo: true, hasAudio: false, segmentMs: 1000 });
  if (!source.video) throw new Error('the example has a picture');
  const video = { ...source.video, width: 320, height: 240, displayWidth: (320 * 4) / 3, displayHeight: 240 };
  const message = sourceInfoMessage({ ...source, video });
  expect(message.video).toMatchObject({ width: 427, height: 240 });
  expect(() => toBinary(SourceInfoSchema, message)).not.toThrow();
});
