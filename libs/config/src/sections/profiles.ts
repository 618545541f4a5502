import { z } from 'zod';
import {
  choice,
  decimal,
  flag,
  integer,
  list,
  optionalInteger,
  optionalText,
  requiredText,
  text,
} from '../setting.ts';

const trackName = {
  pattern: /^[a-z0-9][a-z0-9-]{0,31}$/,
  form: 'up to 32 lower-case letters, digits and dashes',
};
const profileName = {
  pattern: /^[a-z0-9][a-z0-9-]{0,63}$/,
  form: 'up to 64 lower-case letters, digits and dashes',
};

/** One rung of the ladder. */
const rendition = z
  .strictObject({
    name: optionalText(
      { description: 'Last part of the track name video/<name>.', absent: '<codec>-<shortSide>p' },
      trackName,
    ),
    shortSide: z.int().min(64).max(4320).multipleOf(2).meta({
      description:
        'Shorter side of the picture, so 720 is 1280×720 in landscape and 720×1280 in portrait. Rungs above the source are left out.',
      unit: 'pixels',
    }),
    codec: choice(
      { description: 'Video codec. A profile may name several: each has a ladder of its own.' },
      ['h264', 'hevc', 'vp9', 'av1'],
      'h264',
    ),
    bitrateBps: optionalInteger(
      { description: 'Average bitrate. Give either this or crf.', unit: 'bits per second', absent: 'crf' },
      32_000,
      200_000_000,
    ),
    crf: optionalInteger(
      {
        description:
          'Constant quality: lower is better and larger. Up to 51 for h264 and hevc, up to 63 for vp9 and av1, where equal numbers do not mean equal pictures: h264 23, hevc 26, vp9 36 and av1 40 look alike. Give either this or bitrateBps.',
        unit: 'CRF steps',
        absent: 'bitrateBps',
      },
      // 0 is lossless, which the profiles of H.264 that players know do not have.
      1,
      63,
    ),
    maxBitrateBps: optionalInteger(
      {
        description: 'Peak bitrate, over a buffer of two seconds.',
        unit: 'bits per second',
        absent: '1.5 × bitrateBps, or for crf a peak that suits the picture size',
      },
      32_000,
      400_000_000,
    ),
    frameRate: z.number().min(1).max(120).exactOptional().meta({
      description: 'Highest frame rate of this rung.',
      unit: 'frames per second',
      absent: "the source's frame rate",
    }),
  })
  .meta({ description: 'One rung of the ladder.' });

/** Bits per second of audio tracks that name none. */
export const defaultAudioBitrateBps = { aac: 128_000, opus: 96_000 } as const;

/** One audio track that is made of each audio stream of the source. */
const audioTrack = z
  .strictObject({
    name: optionalText(
      { description: 'Last part of the track name audio/<name>.', absent: '<codec>-<language>-<kbps>k' },
      trackName,
    ),
    codec: choice({ description: 'Audio codec.' }, ['aac', 'opus'], 'aac'),
    bitrateBps: optionalInteger(
      { description: 'Bitrate.', unit: 'bits per second', absent: '128000 for aac, 96000 for opus' },
      16_000,
      640_000,
    ),
    channels: integer(
      { description: 'Most channels; a source with fewer is not blown up.', unit: 'channels' },
      1,
      8,
      2,
    ),
    sampleRateHz: integer(
      { description: 'Sample rate; opus is always 48000.', unit: 'Hz' },
      8000,
      96_000,
      48_000,
    ),
  })
  .meta({ description: 'One audio track.' });

/** What to make of a source. */
const profile = z
  .strictObject({
    renditions: list(
      { description: 'Rungs of the video ladder; none makes an audio-only asset.' },
      rendition,
      [],
    ),
    audio: list({ description: 'Audio tracks; none makes a silent asset.' }, audioTrack, []),
    segmentSeconds: decimal(
      { description: 'Length of a segment, rounded to whole frames.', unit: 'seconds' },
      1,
      20,
      4,
    ),
    preset: choice(
      { description: 'Speed, in the words of x264: slower makes smaller files of the same quality.' },
      ['ultrafast', 'superfast', 'veryfast', 'faster', 'fast', 'medium', 'slow', 'slower'],
      'veryfast',
    ),
    poster: flag({ description: 'Make a poster image of assets with video.' }, true),
  })
  .meta({ description: 'What to make of a source.' });

/** What an encoding profile is once it was read. */
export type ProfileConfig = z.output<typeof profile>;

/** The profiles that exist without any configuration. */
export const builtInProfiles = {
  default: profile.parse({
    renditions: [
      { shortSide: 1080, crf: 23, maxBitrateBps: 6_000_000 },
      { shortSide: 720, crf: 23, maxBitrateBps: 3_200_000 },
      { shortSide: 480, crf: 23, maxBitrateBps: 1_600_000 },
      { shortSide: 360, crf: 23, maxBitrateBps: 900_000 },
    ],
    audio: [{ bitrateBps: 128_000 }],
  }),
  fast: profile.parse({
    renditions: [{ shortSide: 360, crf: 25, maxBitrateBps: 900_000 }],
    audio: [{ bitrateBps: 96_000 }],
    preset: 'ultrafast',
  }),
  audio: profile.parse({ audio: [{ bitrateBps: 128_000 }], poster: false }),
} as const satisfies Readonly<Record<string, ProfileConfig>>;

/** Profiles by name: the built-in ones, and what the file adds to them or puts in their place. */
export const profiles = z
  .record(requiredText({ description: 'Name of a profile.' }, profileName), profile)
  .transform((own) => ({ ...builtInProfiles, ...own }) as Record<string, ProfileConfig>)
  .prefault({})
  .meta({
    description:
      'Encoding profiles by name (lower-case letters, digits, dashes). Entries are added to the built-in ones (default, fast, audio) or replace them.',
  });

/** Name of the profile for uploads that name none. */
export const defaultProfile = text(
  { description: 'Profile of uploads that name none.' },
  'default',
  profileName,
);
