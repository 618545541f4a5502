import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { tempDir } from '@kerkis/testing';
import { type BareRun, firstCopiedSegment, runFfmpeg, segmentArgs } from './harness/bare.ts';
import { lowestRung, segmentSeconds } from './harness/ladder.ts';
import { startMesh } from './harness/mesh.ts';
import { download, type MediaPlaylist, mediaPlaylist, variantsOf, whenThere } from './harness/play.ts';
import { loopedSource, type SourceKind } from './harness/sources.ts';
import { median, type Report, verdict } from './harness/table.ts';
import { deleteAsset, type MeshAddress, type Uploaded, uploadSource } from './harness/upload.ts';

/** One upload of one source and the same first segment made by hand. */
interface Run {
  readonly seconds: number;
  /** Of these until the playlists were there. */
  readonly playlistSeconds: number;
  readonly bare: BareRun;
  readonly track: string;
}

/** One seek. */
interface Seek {
  readonly seconds: number;
  readonly bareSeconds: number;
}

const kinds: readonly SourceKind[] = ['remux', 'encode'];
const framesPerSecond = 30_000 / 1001;
const playableTimeoutMs = 120_000;

/** Time from the last acknowledged byte of an upload to the first served segment, and to segments at random places. */
export async function ttff(args: readonly string[]): Promise<Report> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: 'string' },
      lengths: { type: 'string' },
      seeks: { type: 'string' },
      quick: { type: 'boolean', default: false },
    },
  });
  const runs = Number(values.runs ?? (values.quick ? 1 : 5));
  const lengths = (values.lengths ?? (values.quick ? '10,60' : '10,600,7200')).split(',').map(Number);
  const seekCount = Number(values.seeks ?? (values.quick ? 2 : 10));
  const rows: (string | number)[][] = [];
  const growth: (string | number)[][] = [];
  const seekRows: (string | number)[][] = [];
  const remarks: string[] = [];
  await using mesh = await startMesh();
  for (const kind of kinds) {
    await oneRun(mesh, kind, await loopedSource(kind, lengths[0] ?? 10));
    const medians: number[] = [];
    for (const length of lengths) {
      const source = await loopedSource(kind, length);
      const results: Run[] = [];
      for (let run = 0; run < runs; run++) results.push(await oneRun(mesh, kind, source));
      const seconds = median(results.map((result) => result.seconds));
      const ratio = median(results.map((result) => result.seconds / result.bare.seconds));
      const bare = median(results.map((result) => result.bare.seconds));
      const track = results[0]?.track ?? '';
      const playlists = median(results.map((result) => result.playlistSeconds));
      medians.push(seconds);
      rows.push([
        kind,
        length,
        track,
        playlists,
        seconds,
        bare,
        ratio,
        verdict(ratio, kind === 'remux' ? 3 : 1.3),
      ]);
      if (length === lengths.at(-1)) remarks.push(`Bare, ${kind}: \`${results[0]?.bare.command}\``);
    }
    const grown = (medians.at(-1) ?? Number.NaN) / (medians[0] ?? Number.NaN);
    growth.push([kind, `t(${lengths.at(-1)} s) / t(${lengths[0]} s)`, grown, verdict(grown, 1.3)]);
    const seeks = await seekAround(mesh, await loopedSource(kind, lengths.at(-1) ?? 10), seekCount);
    const excess = seeks.map(({ seconds, bareSeconds }) => seconds - (1.15 * bareSeconds + 0.3));
    const column = (values: readonly number[]) => [median(values), Math.max(...values)];
    seekRows.push([
      ...[kind, seeks.length, ...column(seeks.map(({ seconds }) => seconds))],
      ...[
        ...column(seeks.map(({ bareSeconds }) => bareSeconds)),
        Math.max(...excess),
        verdict(Math.max(...excess), 0),
      ],
    ]);
  }
  remarks.push(
    `Median of ${runs} uploads each; each ratio is of one upload and the bare run right after it.`,
  );
  return {
    title: 'Time to first frame',
    tables: [
      {
        columns: [
          'source',
          'length s',
          'track served',
          'playlists s',
          'mesh s',
          'bare ffmpeg s',
          'ratio',
          'aim',
        ],
        rows,
      },
      { columns: ['source', 'growth', 'ratio', 'aim'], rows: growth },
      {
        columns: [
          'seeks in',
          'count',
          'median s',
          'worst s',
          'bare median s',
          'bare worst s',
          'worst − (1.15 × bare + 0.3) s',
          'aim',
        ],
        rows: seekRows,
      },
    ],
    remarks,
  };
}

async function oneRun(mesh: MeshAddress, kind: SourceKind, source: string): Promise<Run> {
  const uploaded = await uploadSource(mesh, source, { profile: 'bench' });
  const { playlist, track } = await offered(uploaded, kind === 'remux');
  const playlistSeconds = (performance.now() - uploaded.endedAt) / 1000;
  await download(playlist.init);
  await download(playlist.segments[0]?.url ?? '');
  const seconds = (performance.now() - uploaded.endedAt) / 1000;
  const { tracks } = await mesh.clients.generation(uploaded.assetId);
  const isRemuxed = tracks.some(({ name, remuxed }) => name === track && remuxed);
  await deleteAsset(mesh, uploaded.assetId);
  const bare =
    kind === 'remux' ? await firstCopiedSegment(source) : await bareSegment(source, 0, segmentSeconds);
  return { seconds, playlistSeconds, bare, track: isRemuxed ? `${track} (remuxed)` : track };
}

/** What is offered first: for a source that may be remuxed the highest variant, else the lowest. */
async function offered(
  { master, endedAt }: Uploaded,
  wantsHighest: boolean,
): Promise<{ playlist: MediaPlaylist; track: string }> {
  const spentMs = performance.now() - endedAt;
  const variants = variantsOf(await whenThere(master, playableTimeoutMs - spentMs), master);
  const variant = wantsHighest ? variants.at(-1) : variants[0];
  if (!variant) throw new Error(`${master} offers nothing.`);
  return { playlist: await mediaPlaylist(variant.url), track: trackOf(variant.url) };
}

/** Asks for segments of the lowest rung at places that are the same in each run, right after an upload. */
async function seekAround(mesh: MeshAddress, source: string, count: number): Promise<Seek[]> {
  const uploaded = await uploadSource(mesh, source, { profile: 'bench' });
  const { playlist } = await offered(uploaded, false);
  await download(playlist.init);
  const starts = [0];
  for (const { seconds } of playlist.segments) starts.push((starts.at(-1) ?? 0) + seconds);
  const places = Array.from({ length: count }, (_, index) => {
    const share = ((index + 1) * 0.618_033_988_749) % 1;
    return 1 + Math.floor(share * (playlist.segments.length - 1));
  });
  const served: { place: number; seconds: number }[] = [];
  for (const place of places) {
    const startedAt = performance.now();
    await download(playlist.segments[place]?.url ?? '');
    served.push({ place, seconds: (performance.now() - startedAt) / 1000 });
  }
  await deleteAsset(mesh, uploaded.assetId);
  const seeks: Seek[] = [];
  for (const { place, seconds } of served) {
    const bare = await bareSegment(source, starts[place] ?? 0, playlist.segments[place]?.seconds ?? 0);
    seeks.push({ seconds, bareSeconds: bare.seconds });
  }
  return seeks;
}

async function bareSegment(source: string, from: number, seconds: number): Promise<BareRun> {
  await using directory = await tempDir('bench-segment');
  const playlist = join(directory.path, 'out.m3u8');
  return await runFfmpeg(segmentArgs(source, lowestRung, framesPerSecond, { from, seconds }, playlist));
}

/** `…/v/<playbackId>/video/h264-720p/media.m3u8?…` */
const trackOf = (url: string) => new URL(url).pathname.split('/').slice(3, -1).join('/');
