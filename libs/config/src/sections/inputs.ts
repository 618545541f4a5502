import { z } from 'zod';
import { integer, list, requiredText, section } from '../setting.ts';

/** Demuxers that read media from one file only. Playlist, concatenation and device demuxers are not in it on purpose. */
const containers = [
  'aac',
  'ac3',
  'aiff',
  'amr',
  'asf',
  'avi',
  'caf',
  'dv',
  'eac3',
  'flac',
  'flv',
  'matroska',
  'mov',
  'mp3',
  'mpeg',
  'mpegts',
  'mpegvideo',
  'mxf',
  'nut',
  'ogg',
  'rm',
  'w64',
  'wav',
] as const;

const videoCodecs = [
  'av1',
  'dnxhd',
  'dvvideo',
  'ffv1',
  'flv1',
  'h263',
  'h264',
  'hevc',
  'mjpeg',
  'mpeg1video',
  'mpeg2video',
  'mpeg4',
  'msmpeg4v2',
  'msmpeg4v3',
  'prores',
  'rv40',
  'theora',
  'vc1',
  'vp6f',
  'vp8',
  'vp9',
  'wmv1',
  'wmv2',
  'wmv3',
];

const audioCodecs = [
  'aac',
  'ac3',
  'alac',
  'amr_nb',
  'amr_wb',
  'dts',
  'eac3',
  'flac',
  'mp1',
  'mp2',
  'mp3',
  'opus',
  'pcm_alaw',
  'pcm_f32be',
  'pcm_f32le',
  'pcm_f64le',
  'pcm_mulaw',
  'pcm_s16be',
  'pcm_s16le',
  'pcm_s24be',
  'pcm_s24le',
  'pcm_s32be',
  'pcm_s32le',
  'pcm_s8',
  'pcm_u8',
  'truehd',
  'vorbis',
  'wmapro',
  'wmav1',
  'wmav2',
];

const codecName = requiredText(
  { description: 'A codec name.' },
  { pattern: /^[a-z0-9_]{1,32}$/, form: 'a codec name: lower-case letters, digits and underscores' },
);

/** What a source may be. */
export const inputs = section(
  'What a source may be. Anything else ends as a failed asset with the reason; a lower limit also protects the workers.',
  {
    containers: list(
      {
        description:
          'Allowed containers, by the names ffmpeg gives them (mov is MP4 as well, matroska is WebM as well).',
      },
      z.enum(containers),
      containers,
    ),
    videoCodecs: list(
      { description: 'Allowed video codecs, by the names ffprobe prints.' },
      codecName,
      videoCodecs,
    ),
    audioCodecs: list(
      { description: 'Allowed audio codecs, by the names ffprobe prints.' },
      codecName,
      audioCodecs,
    ),
    maxDurationSeconds: integer(
      { description: 'Longest source.', unit: 'seconds' },
      1,
      7 * 86_400,
      48 * 3600,
    ),
    maxWidth: integer({ description: 'Widest picture.', unit: 'pixels' }, 16, 16_384, 8192),
    maxHeight: integer({ description: 'Highest picture.', unit: 'pixels' }, 16, 16_384, 8192),
    maxPixels: integer(
      {
        description: 'Largest picture, width × height; the default is one 8K frame (8192 × 4320).',
        unit: 'pixels',
      },
      256,
      16_384 * 16_384,
      8192 * 4320,
    ),
    maxStreams: integer(
      { description: 'Most streams in one file, of all kinds together.', unit: 'streams' },
      1,
      1000,
      64,
    ),
  },
);
