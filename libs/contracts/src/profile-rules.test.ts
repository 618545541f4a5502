import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { createValidator } from '@bufbuild/protovalidate';
import { expect, test } from 'vitest';
import { DynamicRange, ProfileSchema, VideoCodec, VideoEncoder, type VideoRenditionSchema } from './media.ts';

type Rendition = MessageInitShape<typeof VideoRenditionSchema>;
const { HEVC, VP9, AV1 } = VideoCodec;
const source = DynamicRange.SOURCE;

test.each<[Rendition, string | undefined]>([
  [{ dynamicRange: source }, 'video_rendition.dynamic_range'],
  [{ codec: VP9, dynamicRange: source }, 'video_rendition.dynamic_range'],
  [{ codec: HEVC, dynamicRange: source }, undefined],
  [{ codec: AV1, dynamicRange: source, encoder: VideoEncoder.NVENC }, undefined],
  [{ codec: VP9, encoder: VideoEncoder.NVENC }, 'video_rendition.encoder'],
  [{ codec: VP9, encoder: VideoEncoder.VAAPI }, undefined],
  [{ crf: 60 }, 'video_rendition.crf'],
  [{ codec: AV1, crf: 60 }, undefined],
  [{ name: '../init' }, 'string.pattern'],
  [{ name: 'big' }, undefined],
])('of a rendition %j the rule %s is broken', (rendition, rule) => {
  const profile = create(ProfileSchema, { name: 'x', renditions: [{ shortSide: 360, ...rendition }] });
  const { violations } = createValidator().validate(ProfileSchema, profile);
  expect(violations?.map(({ ruleId }) => ruleId)).toEqual(rule && [rule]);
});
