import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { AssetState, PlaybackPolicy, PlaybackService, SigningKeyService } from '@kerkis/contracts/catalog';
import { makeMedia, tempDir } from '@kerkis/testing';
import { signPlaybackToken } from '@kerkis/tokens';
import { toolPath } from '@kerkis/tools';
import { type UploadDone, uploadFile } from './cli.ts';
import { type EmbeddedMesh, startEmbedded } from './embedded.ts';
import type { Settings } from './settings.ts';

/** Length of what is READY. */
export const seconds = 6;
/** Length of what is still being encoded. */
const encodingSeconds = 60;

/** One thing to play, for every kind of player. */
export interface Playable {
  /** The multivariant playlist. */
  readonly hls: string;
  readonly mpd: string;
  /** The player page, without a query or with a token. */
  readonly page: string;
  readonly assetId: string;
  readonly seconds: number;
}

/** What plays while it is encoded. */
export interface EncodingFilm extends Playable {
  isStillEncoded(): Promise<boolean>;
}

/** A mesh with everything that players are to be tried on. */
export interface PlayerFilms extends AsyncDisposable {
  readonly mesh: EmbeddedMesh;
  /** H.264 in three sizes and AAC; small pictures for scrubbing. */
  readonly film: Playable;
  /** H.264, HEVC, VP9 and AV1; AAC and Opus, 5.1 beside stereo; subtitles. */
  readonly rich: Playable;
  readonly podcast: Playable;
  /** The film again, for holders of tokens. */
  readonly signed: Playable;
  /** Uploads something that is not READY for minutes, and waits until it plays. */
  startEncoding(): Promise<EncodingFilm>;
}

const base = { audio: [{ bitrateBps: 64_000 }], segmentSeconds: 2, preset: 'ultrafast' };
const codecs = ['h264', 'hevc', 'vp9', 'av1'];
const profiles = {
  ladder: {
    ...base,
    renditions: [360, 240, 144].map((shortSide) => ({ shortSide, crf: 32 })),
    extras: { storyboard: true },
  },
  rich: {
    ...base,
    renditions: codecs.map((codec) => ({ codec, shortSide: 144, crf: 36 })),
    audio: [
      { codec: 'aac', bitrateBps: 64_000 },
      { codec: 'aac', channels: 6, bitrateBps: 192_000 },
      { codec: 'opus', bitrateBps: 48_000 },
    ],
  },
  // The smallest H.264 rung is soon there, AV1 as thorough as this is not.
  slow: {
    ...base,
    renditions: [
      { shortSide: 144, crf: 32 },
      { codec: 'av1', shortSide: 360, crf: 20 },
    ],
    preset: 'slower',
  },
};

const settings: Settings = {
  KERKIS_PROFILES: JSON.stringify(profiles),
  // What is encoded while players play leaves the processors to them.
  KERKIS_TRANSCODE_WORKER_NICENESS: '5',
};

type Place = Pick<UploadDone, 'assetId' | 'playbackId'>;

/** Starts a mesh and uploads all but what is to be encoded while it is played. */
export async function startPlayerFilms(): Promise<PlayerFilms> {
  await using stack = new AsyncDisposableStack();
  const mesh = stack.use(await startEmbedded({ settings }));
  const directory = stack.use(await tempDir('e2e-players')).path;
  const address = ({ assetId, playbackId }: Place, token?: string): Playable => {
    const query = token === undefined ? '' : `?token=${token}`;
    return {
      hls: `${mesh.url}/v/${playbackId}/master.m3u8${query}`,
      mpd: `${mesh.url}/v/${playbackId}/manifest.mpd${query}`,
      page: `${mesh.url}/play/${playbackId}${query}`,
      assetId,
      seconds,
    };
  };
  const sound = { video: false, container: 'm4a' } as const;
  const [film, rich, podcast] = await Promise.all([
    uploadFile(mesh.url, await makeMedia('e2e-player', { seconds, video: { width: 1280, height: 720 } })),
    uploadFile(mesh.url, await richSource(directory), ['--profile', 'rich']),
    uploadFile(mesh.url, await makeMedia('e2e-sound', { seconds, ...sound })),
  ]);
  const { playbackId, token } = await signedPlayback(mesh, film);
  const running = stack.move();
  return {
    mesh,
    film: address(film),
    rich: address(rich),
    podcast: address(podcast),
    signed: address({ ...film, playbackId }, token),
    startEncoding: () => uploadSlow(mesh, address),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** A film with 5.1 sound and subtitles. */
async function richSource(directory: string): Promise<string> {
  const subtitles = join(directory, 'subtitles.srt');
  await writeFile(subtitles, '1\n00:00:00,500 --> 00:00:05,500\nΚαλησπέρα\n');
  const film = await makeMedia('e2e-rich', {
    seconds,
    video: { width: 256, height: 144 },
    audio: { channels: '5.1' },
    container: 'mkv',
  });
  const path = join(directory, 'rich.mkv');
  const maps = ['-map', '0', '-map', '1', '-c', 'copy', '-metadata:s:s:0', 'language=ell'];
  const args = ['-v', 'error', '-nostdin', '-i', film, '-i', subtitles, ...maps, path];
  await promisify(execFile)(toolPath('ffmpeg', process.env), args);
  return path;
}

async function signedPlayback({ url }: EmbeddedMesh, { assetId }: UploadDone) {
  const transport = createConnectTransport({ baseUrl: url, httpVersion: '1.1' });
  const { privateKey } = await createClient(SigningKeyService, transport).createSigningKey({});
  const policy = PlaybackPolicy.SIGNED;
  const made = await createClient(PlaybackService, transport).createPlaybackId({ assetId, policy });
  const playbackId = made.playbackId?.id ?? '';
  return { playbackId, token: await signPlaybackToken({ privateKey, playbackId, expiresInSeconds: 600 }) };
}

async function uploadSlow(mesh: EmbeddedMesh, address: (place: Place) => Playable): Promise<EncodingFilm> {
  const video = { width: 640, height: 360 };
  const file = await makeMedia('e2e-slow', { seconds: encodingSeconds, video });
  const done = await uploadFile(mesh.url, file, ['--profile', 'slow'], 'playable');
  const isStillEncoded = async () => (await mesh.clients.asset(done.assetId)).state === AssetState.PLAYABLE;
  return { ...address(done), seconds: encodingSeconds, isStillEncoded };
}
