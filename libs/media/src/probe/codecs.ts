/**
 * Decoders that a source may use; everything else is refused before it sees a byte. Left out are decoders of rare
 * formats, which is where the memory errors are (MagicYUV, CVE-2026-8461, is one).
 */
const videoDecoders = [
  ...[
    'h264',
    'hevc',
    'av1',
    'libdav1d',
    'libaom-av1',
    'vp8',
    'vp9',
    'libvpx',
    'libvpx-vp9',
    'vp6',
    'vp6a',
    'vp6f',
  ],
  ...[
    'mpeg1video',
    'mpeg2video',
    'mpegvideo',
    'mpeg4',
    'msmpeg4v1',
    'msmpeg4v2',
    'msmpeg4',
    'h261',
    'h263',
    'h263p',
  ],
  ...[
    'flv',
    'wmv1',
    'wmv2',
    'wmv3',
    'vc1',
    'theora',
    'vp3',
    'mjpeg',
    'prores',
    'dnxhd',
    'dvvideo',
    'ffv1',
    'rawvideo',
  ],
  ...['png', 'webp', 'svq1', 'svq3', 'cinepak', 'qtrle'],
];

const audioDecoders = [
  ...[
    'aac',
    'aac_latm',
    'mp3',
    'mp3float',
    'mp2',
    'mp2float',
    'mp1',
    'mp1float',
    'ac3',
    'eac3',
    'dca',
    'truehd',
    'mlp',
  ],
  ...[
    'flac',
    'alac',
    'opus',
    'libopus',
    'vorbis',
    'libvorbis',
    'amrnb',
    'amrwb',
    'speex',
    'libspeex',
    'wmav1',
    'wmav2',
  ],
  ...[
    'wmapro',
    'wmalossless',
    'ape',
    'wavpack',
    'tta',
    'gsm',
    'gsm_ms',
    'qdm2',
    'nellymoser',
    'adpcm_ms',
    'adpcm_swf',
  ],
  ...[
    'adpcm_ima_wav',
    'adpcm_ima_qt',
    'adpcm_yamaha',
    'g722',
    'g726',
    'pcm_alaw',
    'pcm_mulaw',
    'pcm_bluray',
    'pcm_dvd',
  ],
  ...[
    'pcm_s8',
    'pcm_u8',
    'pcm_s16le',
    'pcm_s16be',
    'pcm_s16le_planar',
    'pcm_s24le',
    'pcm_s24be',
    'pcm_s32le',
  ],
  ...[
    'pcm_s32be',
    'pcm_u16le',
    'pcm_u16be',
    'pcm_u24le',
    'pcm_u24be',
    'pcm_f32le',
    'pcm_f32be',
    'pcm_f64le',
    'pcm_f64be',
  ],
  ...['s302m'],
];

const subtitleDecoders = [
  ...['subrip', 'srt', 'ass', 'ssa', 'mov_text', 'webvtt', 'text', 'dvdsub', 'dvbsub', 'pgssub', 'cc_dec'],
  ...['libzvbi_teletextdec', 'xsub'],
];

/** For ffmpeg's `-codec_whitelist`. */
export const decoderWhitelist = [...videoDecoders, ...audioDecoders, ...subtitleDecoders].join(',');

/** Codecs of subtitles that are text. */
export const textSubtitleCodecs: ReadonlySet<string> = new Set([
  'subrip',
  'ass',
  'ssa',
  'mov_text',
  'webvtt',
  'text',
]);

/** Codecs of single pictures: a stream of these with one packet is cover art, whatever its disposition says. */
export const pictureCodecs: ReadonlySet<string> = new Set(['png', 'webp', 'bmp', 'gif', 'tiff', 'mjpeg']);
