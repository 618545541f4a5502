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
  section,
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
      {
        description: 'Last part of the track name video/<name>.',
        absent: '<codec>-<shortSide>p, with -hdr for HDR',
      },
      trackName,
    ),
    shortSide: z.int().min(64).max(4320).multipleOf(2).meta({
      description:
        'Shorter side of the picture, so 720 is 1280×720 in landscape and 720×1280 in portrait. Rungs above the source are left out, except that the next one is made at the size of the source where that is 15 % above the rung below it, or there is none below.',
      unit: 'pixels',
    }),
    codec: choice(
      { description: 'Video codec. A profile may name several: each has a ladder of its own.' },
      ['h264', 'hevc', 'vp9', 'av1'],
      'h264',
    ),
    bitrateBps: optionalInteger(
      {
        description:
          'Average bitrate: no stretch of a few segments takes more, and simple pictures take less. Give either this or crf.',
        unit: 'bits per second',
        absent: 'crf',
      },
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
        description:
          'Peak bitrate: with crf over a buffer of one second, with bitrateBps of a whole segment.',
        unit: 'bits per second',
        absent: '1.5 × bitrateBps, or for crf a peak that suits the picture size',
      },
      32_000,
      200_000_000,
    ),
    frameRate: z.number().min(1).max(120).exactOptional().meta({
      description: 'Highest frame rate of this rung.',
      unit: 'frames per second',
      absent: "the source's frame rate",
    }),
    encoder: choice(
      {
        description:
          'What encodes the rung. Hardware is used where workers have it when a job is planned, else the software encoder of the codec. nvenc makes no vp9.',
      },
      ['software', 'nvenc', 'qsv', 'vaapi'],
      'software',
    ),
    dynamicRange: choice(
      {
        description:
          'What becomes of HDR: sdr is tone-mapped, 8 bits; source stays HDR10 or HLG, 10 bits, for hevc and av1. SDR sources stay SDR.',
      },
      ['sdr', 'source'],
      'sdr',
    ),
    remux: flag(
      {
        description:
          "Whether the source's own pictures are taken over as this rung, not encoded, where they are what it asks for.",
      },
      true,
    ),
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
      512_000,
    ),
    channels: integer(
      {
        description:
          'Most channels; more are mixed down. A source with fewer keeps its own, or gets no such track where the profile has the codec with fewer channels as well. aac has 6 at most.',
        unit: 'channels',
      },
      1,
      8,
      2,
    ),
  })
  .meta({ description: 'One audio track.' });

/** What sound is normalised to. */
const loudness = z
  .strictObject({
    integratedLufs: decimal({ description: 'Integrated loudness.', unit: 'LUFS' }, -70, -5, -23),
    truePeakDbtp: decimal(
      { description: 'Highest true peak, which limits the gain.', unit: 'dBTP' },
      -9,
      -0.1,
      -1,
    ),
  })
  .exactOptional()
  .meta({
    description:
      'Brings sound to a loudness after EBU R128, by one gain for a whole stream; {} means -23 LUFS.',
    absent: 'the loudness of the source is kept',
  });

/** One file to download. */
const download = z
  .strictObject({
    format: z.enum(['mp4', 'm4a', 'mp3']).meta({
      description: 'mp4 is picture and sound as they are played, m4a and mp3 are sound alone.',
    }),
    shortSide: z.int().min(64).max(4320).exactOptional().meta({
      description: 'For mp4: short side of the rung that is taken, or the next lower one.',
      unit: 'pixels',
      absent: 'the highest h264 rung',
    }),
    bitrateBps: z.int().min(32_000).max(320_000).exactOptional().meta({
      description: 'For mp3: bitrate.',
      unit: 'bits per second',
      absent: '192000',
    }),
  })
  .meta({ description: 'One file to download.' });

/** Pictures and files beside the tracks. */
const extras = section('Pictures and files beside the tracks.', {
  poster: flag({ description: 'A picture of the video, or the cover of sound.' }, true),
  storyboard: flag({ description: 'Small pictures along the whole duration, for seek bars.' }, false),
  waveform: flag({ description: 'Peaks of the sound as JSON.' }, false),
  text: flag({ description: 'Text subtitles of the source as WebVTT tracks.' }, true),
  iframes: flag({ description: 'An index of single pictures, with which players scrub fast (HLS).' }, true),
  quality: z.boolean().exactOptional().meta({
    description:
      'Encoded tracks are compared with the source, which tells PSNR and SSIM and costs some hundredths of the encoding.',
    absent: 'with ladder: per-title only',
  }),
  downloads: list({ description: 'Files to download, 8 at most.' }, download, []),
});

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
    firstSegmentSeconds: decimal(
      {
        description:
          'Length of the first segment, which is played the sooner the shorter it is. More than half of segmentSeconds makes it as long as the others.',
        unit: 'seconds',
      },
      0.5,
      20,
      1,
    ),
    preset: choice(
      { description: 'Speed, in the words of x264: slower makes smaller files of the same quality.' },
      ['ultrafast', 'superfast', 'veryfast', 'faster', 'fast', 'medium', 'slow', 'slower'],
      'veryfast',
    ),
    ladder: choice(
      {
        description:
          'fixed makes the renditions as they are; per-title looks at the content, lowers bitrates to what it needs and leaves out rungs that look no better than the one below.',
      },
      ['fixed', 'per-title'],
      'fixed',
    ),
    loudness,
    extras,
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
    audio: [{ bitrateBps: 128_000 }, { bitrateBps: 384_000, channels: 6 }],
    extras: { storyboard: true },
  }),
  fast: profile.parse({
    renditions: [{ shortSide: 360, crf: 25, maxBitrateBps: 900_000 }],
    audio: [{ bitrateBps: 96_000 }],
    preset: 'ultrafast',
  }),
  audio: profile.parse({ audio: [{ bitrateBps: 128_000 }], extras: { waveform: true } }),
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
