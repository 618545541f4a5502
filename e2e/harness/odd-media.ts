import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type MediaSpec, makeMedia } from '@kerkis/testing';

const small = { width: 128, height: 96 };

/** Kinds of files that the real world holds: each decodes. */
const odd: Readonly<Record<string, MediaSpec>> = {
  vfr: { seconds: 3, video: { ...small, variableFrameRate: true } },
  rotated: { seconds: 2, video: { ...small, rotation: 270 }, container: 'mov' },
  'odd-size': { seconds: 2, video: { width: 161, height: 121, pixelFormat: 'yuv444p' } },
  anamorphic: { seconds: 2, video: small, outputOptions: ['-aspect', '16:10'] },
  'ten-bit': { seconds: 1, video: { ...small, pixelFormat: 'yuv420p10le', encoder: 'libx265' } },
  ntsc: { seconds: 2, video: { ...small, fps: '30000/1001' }, container: 'mkv' },
  'short-sound': { seconds: 3, video: small, audio: { seconds: 1 } },
  'long-sound': { seconds: 2, video: small, audio: { seconds: 4 } },
  surround: { seconds: 2, video: small, audio: { channels: '5.1' } },
  mute: { seconds: 2, video: small, audio: false },
  'quiet-rate': { seconds: 2, video: small, audio: { sampleRate: 8_000, channels: 'mono' } },
  webm: { seconds: 2, video: small, container: 'webm' },
  broadcast: { seconds: 2, video: { ...small, encoder: 'mpeg2video', fps: '25' }, container: 'ts' },
  old: {
    seconds: 2,
    video: { ...small, encoder: 'mpeg4' },
    audio: { encoder: 'libmp3lame' },
    container: 'avi',
  },
  podcast: { seconds: 5, video: false, cover: true, container: 'mp3' },
  studio: { seconds: 2, video: false, audio: { sampleRate: 192_000 }, container: 'wav' },
  lossless: { seconds: 2, video: false, container: 'flac' },
  vorbis: { seconds: 2, video: false, container: 'ogg' },
  fragmented: { seconds: 2, video: small, outputOptions: ['-movflags', 'frag_keyframe+empty_moov'] },
  'one-frame': { seconds: 0.04, video: { ...small, fps: '25' }, audio: false },
};

/** Odd files that decode, and broken ones that do not. */
export async function oddMedia(): Promise<{ path: string; decodes: boolean }[]> {
  const whole: { path: string; decodes: boolean }[] = [];
  for (const [name, spec] of Object.entries(odd))
    whole.push({ path: await makeMedia(`odd-${name}`, spec), decodes: true });
  const sample = await makeMedia('odd-vfr', odd.vfr as MediaSpec);
  const bytes = await readFile(sample);
  const broken = {
    'no-index': bytes.subarray(0, bytes.length / 2),
    noise: noise(100_000),
    header: bytes.subarray(0, 40),
  };
  for (const [name, content] of Object.entries(broken)) {
    const path = join(dirname(sample), `broken-${name}.mp4`);
    await writeFile(path, content);
    whole.push({ path, decodes: false });
  }
  return whole;
}

/** The same bytes at each run (a linear congruential generator, Numerical Recipes). */
function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = 1;
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}
