import { create } from '@bufbuild/protobuf';
import { ProfileSchema, VideoCodec, VideoEncoder } from '@kerkis/contracts/media';
import { type MediaPlan, planMedia } from '@kerkis/media';
import { expect, test } from 'vitest';
import { examplePlan } from '../../test/example-plan.ts';
import { encodingProfile } from './encoding-profile.ts';
import { encodersFor, encodersToCome, usesHardware } from './hardware-need.ts';
import { planChunks } from './plan-chunks.ts';
import { plannedTracks } from './tracks.ts';

const { source } = examplePlan({ seconds: 20, hasVideo: true, hasAudio: false, segmentMs: 1000 });

function planWith(hardware: string[]): MediaPlan {
  const renditions = [
    { shortSide: 360, encoder: VideoEncoder.NVENC },
    { shortSide: 240, encoder: VideoEncoder.NVENC },
    { shortSide: 180 },
    { shortSide: 96 },
    { shortSide: 360, codec: VideoCodec.HEVC, encoder: VideoEncoder.VAAPI },
  ];
  const profile = create(ProfileSchema, { name: 'test', segmentMs: 1000, renditions });
  return planMedia(source, encodingProfile(profile), { hardware });
}

const lanesOf = (plan: MediaPlan) =>
  new Map(planChunks(plan, 2).map(({ tracks }) => [tracks.join(' '), encodersFor(plan, tracks)]));

test('rungs of each encoder in hardware have chunks of their own', () => {
  const plan = planWith(['h264_nvenc', 'hevc_vaapi', 'av1_qsv']);
  expect([...lanesOf(plan)]).toEqual([
    ['video/h264-96p', []],
    ['video/h264-360p video/h264-240p', ['h264_nvenc']],
    ['video/h264-180p', []],
    ['video/hevc-360p', ['hevc_vaapi']],
  ]);
  expect(usesHardware(plan)).toBe(true);
  const tracks = plannedTracks(plan);
  expect(encodersToCome({ plan, tracks })).toEqual(['h264_nvenc', 'hevc_vaapi']);
  const isDone = (name: string) => name.startsWith('video/h264');
  const later = tracks.map((track) => ({ ...track, complete: isDone(track.name) }));
  expect(encodersToCome({ plan, tracks: later })).toEqual(['hevc_vaapi']);
});

test('what no worker has is planned in software, with one decode for all rungs of a codec', () => {
  const plan = planWith([]);
  expect([...lanesOf(plan)]).toEqual([
    ['video/h264-96p', []],
    ['video/h264-360p video/h264-240p video/h264-180p', []],
    ['video/hevc-360p', []],
  ]);
  expect(usesHardware(plan)).toBe(false);
  expect(encodersToCome({ plan, tracks: plannedTracks(plan) })).toEqual([]);
});
