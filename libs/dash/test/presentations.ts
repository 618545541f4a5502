import type { Presentation, Track } from '../src/index.ts';

/** One rung of 10 s at 30000/1001: three segments of 4.004 s cut short at 299 frames, the grid of a real plan. */
export function video(height: number, bps: number, overrides: Partial<Track> = {}): Track {
  return {
    name: `video/h264-${height}p`,
    kind: 'video',
    codec: height > 480 ? 'avc1.64001f' : 'avc1.4d401e',
    timescale: 30_000,
    segments: [
      { count: 2, duration: 120_120 },
      { count: 1, duration: 59_059 },
    ],
    peakBandwidthBps: bps,
    averageBandwidthBps: Math.floor(bps * 0.8),
    video: { width: (height * 16) / 9, height, frameRate: { num: 30_000, den: 1001 } },
    ...overrides,
  };
}

/** AAC on its own grid of 1,024 samples. */
export function audio(
  language: string,
  attributes: Partial<NonNullable<Track['audio']>> = {},
  overrides: Partial<Track> = {},
): Track {
  return {
    name: `audio/aac-${language || 'und'}-128k`,
    kind: 'audio',
    codec: 'mp4a.40.2',
    timescale: 44_100,
    segments: [
      { count: 1, duration: 172 * 1024 },
      { count: 1, duration: 173 * 1024 },
      { count: 1, duration: 85 * 1024 },
    ],
    peakBandwidthBps: 132_000,
    averageBandwidthBps: 128_000,
    audio: { sampleRate: 44_100, channels: 2, language, label: '', isDefault: false, ...attributes },
    ...overrides,
  };
}

/** Timed text in one file. */
export function text(language: string, attributes: Partial<NonNullable<Track['text']>> = {}): Track {
  return {
    name: `text/${language}${attributes.isForced ? '-forced' : ''}`,
    kind: 'text',
    codec: 'wvtt',
    timescale: 1000,
    segments: [{ count: 1, duration: 9977 }],
    peakBandwidthBps: 900,
    averageBandwidthBps: 400,
    text: { language, label: '', isDefault: false, isForced: false, ...attributes },
  };
}

export const durationMs = 9977;

/** What the default profile makes of a film with one audio stream. */
export const film: Presentation = {
  durationMs,
  tracks: [video(720, 2_800_000), video(360, 800_000), audio('en', { isDefault: true })],
};

/** Two video codecs, an HDR rung, two languages in two qualities each, and three text tracks. */
export const rich: Presentation = {
  durationMs,
  tracks: [
    video(360, 800_000),
    video(1080, 5_000_000),
    video(2160, 9_000_000, {
      name: 'video/av1-2160p',
      codec: 'av01.0.12M.10.0.110.09.16.09.0',
      video: { width: 3840, height: 2160, frameRate: { num: 60, den: 1 }, videoRange: 'PQ' },
    }),
    ...['stereo', 'surround'].flatMap((group) => {
      const surround = group === 'surround';
      const channels = surround ? 6 : 2;
      const codec = surround ? 'ec-3' : 'mp4a.40.2';
      const bps = surround ? 384_000 : 128_000;
      return [
        audio(
          'en',
          { group, channels, isDefault: true },
          { name: `audio/en-${group}`, codec, peakBandwidthBps: bps },
        ),
        audio('fra', { group, channels, label: 'Français' }, { name: `audio/fr-${group}`, codec }),
        audio('en', { group, channels, label: 'Commentary' }, { name: `audio/en-${group}-2`, codec }),
      ];
    }),
    text('en'),
    text('fr', { isDefault: true }),
    text('fr', { isForced: true, label: 'Panneaux' }),
  ],
};

/** The source as it is, cut at its own keyframes, beside two rungs of the same codec. */
export const remuxed: Presentation = {
  durationMs,
  tracks: [
    video(1080, 6_000_000, {
      name: 'video/h264-1080p',
      codec: 'avc1.640028',
      timescale: 90_000,
      segments: [
        { count: 1, duration: 567_567 },
        { count: 1, duration: 330_330 },
      ],
    }),
    video(720, 2_800_000),
    video(360, 800_000),
    audio('en', { isDefault: true }),
  ],
};

/** A podcast in two qualities. */
export const podcast: Presentation = {
  durationMs,
  tracks: [
    audio('', { isDefault: true }),
    audio(
      '',
      {},
      {
        name: 'audio/aac-und-64k',
        codec: 'mp4a.40.5',
        peakBandwidthBps: 66_000,
        averageBandwidthBps: 64_000,
      },
    ),
  ],
};

/** An audio description guide in two languages. */
export const bilingual: Presentation = {
  durationMs,
  tracks: [audio('de'), audio('el', { isDefault: true })],
};

/** Pictures without sound, portrait, 25 frames a second. */
export const silent: Presentation = {
  durationMs,
  tracks: [video(1280, 2_000_000, { video: { width: 720, height: 1280, frameRate: { num: 25, den: 1 } } })],
};
