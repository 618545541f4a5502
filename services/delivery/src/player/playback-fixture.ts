import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { manifest } from '@kerkis/dash';
import {
  mediaPlaylist,
  multivariantPlaylist,
  type Presentation,
  type Track,
  targetDurationSeconds,
} from '@kerkis/hls';
import { playerAsset } from './assets.ts';
import { type PlayerPageOptions, playerPage } from './page.ts';
import { playerNonce, playerPolicy } from './page-policy.ts';
import { playerView } from './view.ts';

const run = promisify(execFile);
const segmentSeconds = 2;
export const durationSeconds = 6;
export const frameRate = 25;

/** Cuts one input into `init.mp4`, `1.m4s` … and returns the lengths that ffmpeg wrote, in ticks. */
async function cut(
  folder: string,
  input: string[],
  output: string[],
  {
    timescale,
    unit,
    seconds: cutSeconds = segmentSeconds,
  }: { timescale: number; unit: number; seconds?: number },
) {
  await mkdir(folder, { recursive: true });
  const playlist = join(folder, 'ffmpeg.m3u8');
  const muxer = [
    '-f',
    'hls',
    '-hls_time',
    String(cutSeconds),
    '-hls_playlist_type',
    'vod',
    '-start_number',
    '1',
  ];
  const names = ['-hls_segment_type', 'fmp4', '-hls_fmp4_init_filename', 'init.mp4', '-hls_segment_filename'];
  await run('ffmpeg', [
    '-v',
    'error',
    ...input,
    ...output,
    ...muxer,
    ...names,
    join(folder, '%d.m4s'),
    playlist,
  ]);
  const seconds = [...(await readFile(playlist, 'utf8')).matchAll(/#EXTINF:([\d.]+)/g)].map((match) =>
    Number(match[1]),
  );
  return seconds.map((value) => ({ count: 1, duration: Math.round((value * timescale) / unit) * unit }));
}

async function videoTrack(directory: string, height: number, seconds = segmentSeconds): Promise<Track> {
  const name = `video/h264-${height}p`;
  const width = (height * 16) / 9;
  const source = `testsrc2=size=${width}x${height}:rate=${frameRate}:duration=${durationSeconds}`;
  const gop = String(frameRate * seconds);
  const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-profile:v', 'baseline', '-pix_fmt', 'yuv420p'];
  const cuts = ['-level', '3.0', '-g', gop, '-keyint_min', gop, '-sc_threshold', '0'];
  const input = ['-f', 'lavfi', '-i', source];
  const segments = await cut(join(directory, name), input, [...x264, ...cuts], {
    ...{ timescale: 12_800, unit: 512, seconds },
  });
  const bps = height * 2000;
  return {
    name,
    kind: 'video',
    codec: 'avc1.42c01e',
    timescale: 12_800,
    segments,
    peakBandwidthBps: bps,
    averageBandwidthBps: bps,
    video: { width, height, frameRate: { num: frameRate, den: 1 } },
  };
}

async function audioTrack(directory: string, language: string, hz: number): Promise<Track> {
  const name = `audio/aac-${language}-64k`;
  const input = ['-f', 'lavfi', '-i', `sine=frequency=${hz}:sample_rate=44100:duration=${durationSeconds}`];
  const segments = await cut(join(directory, name), input, ['-c:a', 'aac', '-b:a', '64k'], {
    timescale: 44_100,
    unit: 1024,
  });
  return {
    name,
    kind: 'audio',
    codec: 'mp4a.40.2',
    timescale: 44_100,
    segments,
    peakBandwidthBps: 70_000,
    averageBandwidthBps: 64_000,
    audio: { sampleRate: 44_100, channels: 1, language, label: '', isDefault: language === 'en' },
  };
}

/** Six seconds in two qualities and two languages, encoded by ffmpeg into the directory. */
export async function generatePresentation(directory: string): Promise<Presentation> {
  const tracks = [await videoTrack(directory, 90), await videoTrack(directory, 180)];
  tracks.push(await audioTrack(directory, 'en', 440), await audioTrack(directory, 'fr', 660));
  return { durationMs: durationSeconds * 1000, tracks };
}

/** Pictures in three segments beside larger ones in two, as of a source that is taken over as it is, and sound. */
export async function generateUnaligned(directory: string): Promise<Presentation> {
  const tracks = [await videoTrack(directory, 144), await videoTrack(directory, 270, 3)];
  tracks.push(await audioTrack(directory, 'de', 550));
  return { durationMs: durationSeconds * 1000, tracks };
}

/** Text of two cues, which is shown when nobody chooses if `isDefault`. */
export async function generateText(directory: string, language: string, isDefault: boolean): Promise<Track> {
  const name = `text/${language}`;
  await mkdir(join(directory, 'text'), { recursive: true });
  const cues = [
    '00:00.000 --> 00:02.500',
    `one ${language}`,
    '',
    '00:02.500 --> 00:05.000',
    `two ${language}`,
  ];
  await writeFile(join(directory, `${name}.vtt`), ['WEBVTT', '', ...cues, ''].join('\n'));
  return {
    name,
    kind: 'text',
    codec: 'wvtt',
    timescale: 1000,
    segments: [{ count: 1, duration: durationSeconds * 1000 }],
    peakBandwidthBps: 100,
    averageBandwidthBps: 100,
    text: { language, label: '', isDefault, isForced: false },
  };
}

/**
 * A plain server of `/v/<name>/…` for each presentation, of `/play/<name>` with the options given, and of the page's
 * assets; on a free port of loopback.
 */
export async function servePresentations(
  directory: string,
  presentations: Readonly<Record<string, Presentation>>,
  pages: Partial<PlayerPageOptions> = {},
): Promise<AsyncDisposable & { readonly url: string }> {
  const answer = async (
    url: URL,
  ): Promise<{ type: string; body: string | Uint8Array; policy?: string } | undefined> => {
    const [, root = '', name = '', ...rest] = url.pathname.split('/');
    const path = rest.join('/');
    if (root === 'play' && name === 'assets') {
      const asset = await playerAsset(rest.at(-1) ?? '');
      return asset && { type: asset.contentType, body: asset.bytes };
    }
    if (root === 'play') {
      const options = {
        title: '',
        ...pages,
        playbackId: name,
        base: `/v/${name}`,
        nonce: playerNonce(),
        embedOrigins: ['*'],
        audioOnly: !presentations[name]?.tracks.some(({ kind }) => kind === 'video'),
        view: playerView(url.searchParams),
      };
      return { type: 'text/html', body: await playerPage(options), policy: playerPolicy(options) };
    }
    if (root === 'v' && path === 'beacon') return { type: 'text/plain', body: '' };
    const presentation = presentations[name];
    if (root !== 'v' || presentation === undefined) return undefined;
    if (path === 'master.m3u8')
      return { type: 'application/vnd.apple.mpegurl', body: multivariantPlaylist(presentation) };
    if (path === 'manifest.mpd') return { type: 'application/dash+xml', body: manifest(presentation) };
    const text = presentation.tracks.find((entry) => entry.kind === 'text' && path === `${entry.name}.vtt`);
    if (text) return { type: 'text/vtt', body: await readFile(join(directory, path)) };
    const track = presentation.tracks.find((entry) => path.startsWith(`${entry.name}/`));
    if (track === undefined) return undefined;
    const file = path.slice(track.name.length + 1);
    if (file === 'media.m3u8')
      return {
        type: 'application/vnd.apple.mpegurl',
        body: mediaPlaylist(track, { targetSeconds: targetDurationSeconds(presentation.tracks) }),
      };
    if (!/^(init\.mp4|\d+\.m4s)$/.test(file)) return undefined;
    return { type: `${track.kind}/mp4`, body: await readFile(join(directory, track.name, file)) };
  };
  const server = createServer((request, response) => {
    answer(new URL(request.url ?? '/', 'http://localhost')).then(
      (found) => {
        if (found === undefined) {
          response.writeHead(404, { 'content-type': 'application/json' });
          response.end(JSON.stringify({ message: 'No playback ID of that name is published.' }));
          return;
        }
        const policy = found.policy === undefined ? {} : { 'content-security-policy': found.policy };
        response.writeHead(200, { 'content-type': found.type, ...policy }).end(found.body);
      },
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
