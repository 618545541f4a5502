import { create } from '@bufbuild/protobuf';
import { StoryboardSchema } from '@kerkis/contracts/media';
import { describe, expect, test } from 'vitest';
import { spriteCount, storyboardOf, storyboardVtt } from './storyboard.ts';

const storyboard = create(StoryboardSchema, {
  intervalMs: 10_000n,
  tileCount: 5,
  tileWidth: 160,
  tileHeight: 90,
  columns: 2,
  rows: 2,
});

describe('a storyboard', () => {
  test('is a cue for each picture, to the end', () => {
    expect(spriteCount(storyboard)).toBe(2);
    expect(storyboardVtt(storyboard, 3_641_005, 'g=x').split('\n')).toEqual([
      'WEBVTT',
      '',
      '00:00:00.000 --> 00:00:10.000',
      'storyboard-1.jpg?g=x#xywh=0,0,160,90',
      '',
      '00:00:10.000 --> 00:00:20.000',
      'storyboard-1.jpg?g=x#xywh=160,0,160,90',
      '',
      '00:00:20.000 --> 00:00:30.000',
      'storyboard-1.jpg?g=x#xywh=0,90,160,90',
      '',
      '00:00:30.000 --> 00:00:40.000',
      'storyboard-1.jpg?g=x#xywh=160,90,160,90',
      '',
      '00:00:40.000 --> 01:00:41.005',
      'storyboard-2.jpg?g=x#xywh=0,0,160,90',
      '',
    ]);
  });

  test('ends with the duration', () => {
    const cues = storyboardVtt(storyboard, 15_000, 'g=x').match(/-->.*/g);
    expect(cues).toEqual(['--> 00:00:10.000', '--> 00:00:15.000']);
  });

  test('without a sensible shape is none', () => {
    expect(storyboardOf(undefined)).toBeUndefined();
    expect(storyboardOf({ ...storyboard, columns: 0 })).toBeUndefined();
    expect(storyboardOf({ ...storyboard, intervalMs: 0n })).toBeUndefined();
    expect(storyboardOf({ ...storyboard, tileCount: 2_000_000_000 })).toBeUndefined();
    expect(storyboardOf(storyboard)).toBe(storyboard);
  });
});
