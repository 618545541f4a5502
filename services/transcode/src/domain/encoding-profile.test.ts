import { create } from '@bufbuild/protobuf';
import { AudioCodec, ProfileSchema, VideoCodec } from '@kerkis/contracts/media';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodingProfile } from './encoding-profile.ts';

test('what a profile leaves open has a default', () => {
  const profile = create(ProfileSchema, { name: 'open', renditions: [{ shortSide: 720 }], audios: [{}] });
  expect(encodingProfile(profile)).toEqual({
    name: 'open',
    segmentSeconds: 4,
    preset: 'veryfast',
    renditions: [{ height: 720, codec: 'h264', maxBitrateBps: 3_110_400 }],
    audio: [{ codec: 'aac', bitrateBps: 128_000, channels: 2 }],
  });
});

test('codecs are those of the profile, with peaks and bitrates that suit them', () => {
  const profile = create(ProfileSchema, {
    name: 'codecs',
    renditions: [VideoCodec.H264, VideoCodec.HEVC, VideoCodec.VP9, VideoCodec.AV1].map((codec) => ({
      shortSide: 1000,
      codec,
    })),
    audios: [{ codec: AudioCodec.AAC }, { codec: AudioCodec.OPUS }],
  });
  const { renditions, audio } = encodingProfile(profile);
  expect(renditions.map(({ codec, maxBitrateBps }) => [codec, maxBitrateBps])).toEqual([
    ['h264', 6_000_000],
    ['hevc', 4_200_000],
    ['vp9', 4_500_000],
    ['av1', 3_600_000],
  ]);
  expect(audio.map(({ codec, bitrateBps }) => [codec, bitrateBps])).toEqual([
    ['aac', 128_000],
    ['opus', 96_000],
  ]);
});

test('what a profile says is taken, and a peak is never missing', () => {
  const rendition = fc.record({
    shortSide: fc.integer({ min: 16, max: 4320 }),
    crf: fc.integer({ min: 0, max: 51 }),
    bitrateBps: fc.bigInt({ min: 0n, max: 100_000_000n }),
    maxBitrateBps: fc.bigInt({ min: 0n, max: 100_000_000n }),
  });
  fc.assert(
    fc.property(fc.array(rendition), (renditions) => {
      const encoding = encodingProfile(create(ProfileSchema, { name: 'x', renditions }));
      for (const [index, made] of encoding.renditions.entries()) {
        const asked = renditions[index];
        expect(made.height).toBe(asked?.shortSide);
        expect(made.crf).toBe(asked?.crf || undefined);
        expect(made.videoBitrateBps).toBe(Number(asked?.bitrateBps) || undefined);
        expect(Number.isInteger(made.maxBitrateBps) && made.maxBitrateBps > 0).toBe(true);
        if (asked?.maxBitrateBps) expect(made.maxBitrateBps).toBe(Number(asked.maxBitrateBps));
        else if (asked?.bitrateBps) expect(made.maxBitrateBps).toBeGreaterThan(Number(asked.bitrateBps));
      }
    }),
  );
});
