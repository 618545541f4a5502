import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runFfmpeg } from './bare.ts';
import type { Canary } from './canary.ts';

/** A file that was made to do harm. */
export interface Attack {
  readonly path: string;
  /** Whether it is nothing but a reference to something else, so that READY means that the reference was followed. */
  readonly onlyRefers: boolean;
}

/** Writes them into a folder. */
export async function attackFiles(
  { file, port }: Pick<Canary, 'file' | 'port'>,
  folder: string,
): Promise<Attack[]> {
  const remote = `http://127.0.0.1:${port}`;
  const texts: Readonly<Record<string, string>> = {
    'playlist.mp4': `#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://${file}\n#EXTINF:2,\n${remote}/a.ts\n#EXT-X-ENDLIST\n`,
    'playlist-path.mp4': `#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n${file}\n#EXT-X-ENDLIST\n`,
    'playlist-key.mp4': `#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=AES-128,URI="${remote}/key"\n#EXTINF:2,\n${remote}/a.ts\n#EXT-X-ENDLIST\n`,
    'concat.mp4': `ffconcat version 1.0\nfile '${file}'\nfile '${remote}/a.mp4'\n`,
    'session.mp4': `v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video ${port} RTP/AVP 96\na=rtpmap:96 H264/90000\n`,
    'picture.mp4': `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="64" height="64"><image xlink:href="file://${file}" width="64" height="64"/><image xlink:href="${remote}/a.png" width="9" height="9"/></svg>`,
    'manifest.mp4': `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>${remote}/a.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>`,
    'redirect.mp4': `[Reference]\nRef1=${remote}/a.mp4\n`,
  };
  const attacks: Attack[] = [];
  for (const [name, text] of Object.entries(texts)) {
    const path = join(folder, name);
    await writeFile(path, text);
    attacks.push({ path, onlyRefers: true });
  }
  for (const [name, args] of Object.entries(bombs)) {
    const path = join(folder, name);
    await runFfmpeg([...args(folder), path], makingTimeoutMs);
    if (!name.endsWith('.jpg')) attacks.push({ path, onlyRefers: false });
  }
  return attacks;
}

const makingTimeoutMs = 120_000;
const lavfi = (input: string) => ['-f', 'lavfi', '-i', input];
const oneJpeg = ['-frames:v', '1', '-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p'];

/** Small files that cost much to read, in the order in which they are made: the cover goes into the next one. */
const bombs: Readonly<Record<string, (folder: string) => readonly string[]>> = {
  'ten-hour-gap.mkv': () => [
    ...lavfi('testsrc=size=320x240:rate=25:duration=2'),
    ...['-vf', "setpts='if(gte(N,25),PTS+36000/TB,PTS)'", '-fps_mode', 'passthrough', '-c:v', 'libx264'],
  ],
  'cover.jpg': () => [...lavfi('color=c=red:size=16000x16000:rate=1'), ...oneJpeg],
  'cover.mp3': (folder) => [
    ...[...lavfi('sine=duration=3'), '-i', join(folder, 'cover.jpg'), '-map', '0', '-map', '1'],
    ...['-c:v', 'copy', '-disposition:v', 'attached_pic'],
  ],
  'streams.mkv': () => [
    ...lavfi('sine=duration=0.5:sample_rate=8000'),
    ...Array.from({ length: 900 }, () => ['-map', '0:a']).flat(),
    ...['-c:a', 'pcm_u8'],
  ],
  // ffmpeg itself refuses a few lines more.
  'picture-16k.mov': () => [...lavfi('color=c=blue:size=16384x16000:rate=1'), ...oneJpeg],
};
