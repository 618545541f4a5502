import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { tempDir } from '@kerkis/testing';
import type { EmbeddedMesh } from '../e2e/harness/embedded.ts';
import { ladderArgs, runFfmpeg } from './harness/bare.ts';
import { rungs } from './harness/ladder.ts';
import { startMesh } from './harness/mesh.ts';
import { download, mediaPlaylist } from './harness/play.ts';
import { psnrDb } from './harness/psnr.ts';
import { loopedSource } from './harness/sources.ts';
import { type Report, verdict } from './harness/table.ts';
import { untilReady, uploadSource } from './harness/upload.ts';

const framesPerSecond = 30_000 / 1001;
const encodeTimeoutMs = 3_600_000;
const mostLossDb = 0.1;

/** PSNR of each rung as it is delivered, and as one bare ffmpeg makes it with the same settings, against the scaled source. */
export async function quality(args: readonly string[]): Promise<Report> {
  const { values } = parseArgs({
    args: [...args],
    options: { seconds: { type: 'string' }, quick: { type: 'boolean', default: false } },
  });
  const seconds = Number(values.seconds ?? (values.quick ? 30 : 120));
  const source = await loopedSource('remux', seconds);
  await using mesh = await startMesh();
  await using directory = await tempDir('bench-quality');
  const { path: folder } = directory;
  for (const { shortSide } of rungs) await mkdir(join(folder, `${shortSide}`));
  const { command } = await runFfmpeg(ladderArgs(source, rungs, framesPerSecond, folder, false));
  const { assetId, playbackId } = await uploadSource(mesh, source, { profile: 'bench-encode' });
  await untilReady(mesh, assetId, encodeTimeoutMs);
  const rows: (string | number)[][] = [];
  for (const { shortSide } of rungs) {
    const delivered = join(folder, `${shortSide}.mp4`);
    const bytes = await saveTrack(mesh, playbackId, `video/h264-${shortSide}p`, delivered);
    const size = { path: delivered, source, shortSide, framesPerSecond };
    const own = await psnrDb(size);
    const bare = await psnrDb({ ...size, path: join(folder, `${shortSide}`, 'out.m3u8') });
    const loss = bare - own;
    rows.push([`${shortSide}p`, own, bare, Number(loss.toFixed(3)), verdict(loss, mostLossDb), bytes]);
  }
  return {
    title: `Quality, ${seconds} s of 720p`,
    tables: [
      { columns: ['rung', 'mesh PSNR dB', 'bare ffmpeg PSNR dB', 'loss dB', 'aim', 'mesh bytes'], rows },
    ],
    remarks: [`Bare: \`${command}\``],
  };
}

/** Saves a track as one file: its init segment and all its segments in a row. Returns its size. */
async function saveTrack(
  mesh: EmbeddedMesh,
  playbackId: string,
  track: string,
  path: string,
): Promise<number> {
  const { init, segments } = await mediaPlaylist(`${mesh.url}/v/${playbackId}/${track}/media.m3u8`);
  let bytes = 0;
  async function* all() {
    for (const url of [init, ...segments.map((segment) => segment.url)]) {
      const part = await download(url);
      bytes += part.byteLength;
      yield part;
    }
  }
  await pipeline(all, createWriteStream(path));
  return bytes;
}
