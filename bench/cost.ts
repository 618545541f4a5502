import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { tempDir } from '@kerkis/testing';
import { ladderArgs, runFfmpeg } from './harness/bare.ts';
import { startFleet } from './harness/fleet.ts';
import { rungs } from './harness/ladder.ts';
import { ownNamespace, startMesh } from './harness/mesh.ts';
import { treeCpuSeconds } from './harness/process-tree.ts';
import { loopedSource } from './harness/sources.ts';
import { median, type Report, verdict } from './harness/table.ts';
import { deleteAsset, type MeshAddress, untilReady, uploadSource } from './harness/upload.ts';

/** What it took to make a ladder. */
interface Cost {
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  /** Of all segments. */
  readonly bytes: number;
}

const framesPerSecond = 30_000 / 1001;
const encodeTimeoutMs = 3_600_000;
/** Asking ten times a second would be a hundredth of the cost. */
const askingMs = 1_000;

/** The whole mesh against one bare ffmpeg with one decode, and two single-core workers against one. */
export async function cost(args: readonly string[]): Promise<Report> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: 'string' },
      minutes: { type: 'string' },
      'worker-minutes': { type: 'string' },
      quick: { type: 'boolean', default: false },
    },
  });
  const runs = Number(values.runs ?? (values.quick ? 1 : 3));
  const minutes = Number(values.minutes ?? (values.quick ? 1 : 10));
  const workerMinutes = Number(values['worker-minutes'] ?? (values.quick ? 1 : 4));
  const source = await loopedSource('remux', minutes * 60);
  const pairs: { mesh: Cost; bare: Cost }[] = [];
  let command = '';
  for (let run = 0; run < runs; run++) {
    const mesh = await meshCost(source);
    const bare = await bareCost(source);
    command = bare.command;
    pairs.push({ mesh, bare });
  }
  const row = (name: string, pick: (cost: Cost) => number, most: number) => {
    const ratio = median(pairs.map(({ mesh, bare }) => pick(mesh) / pick(bare)));
    const of = (side: 'mesh' | 'bare') => median(pairs.map((pair) => pick(pair[side])));
    return [name, of('mesh'), of('bare'), ratio, verdict(ratio, most)];
  };
  const [one, two] = [await fleetSeconds([0], workerMinutes), await fleetSeconds([0, 1], workerMinutes)];
  return {
    title: `Cost of a ladder of ${rungs.length} rungs and sound, ${minutes} min of 720p`,
    tables: [
      {
        columns: ['', 'mesh', 'bare ffmpeg', 'ratio', 'aim'],
        rows: [
          row('CPU s, all processes', ({ cpuSeconds }) => cpuSeconds, 1.05),
          row('wall s, from the end of the upload to READY', ({ wallSeconds }) => wallSeconds, 1),
          row('bytes of all segments', ({ bytes }) => bytes, 1.02),
        ],
      },
      {
        columns: [`${workerMinutes} min of 720p`, 'one single-core worker s', 'two s', 'speed-up', 'aim'],
        rows: [['wall', one, two, one / two, verdict(one / two, 1.8, 'least')]],
      },
    ],
    remarks: [
      `Median of ${runs} runs, each with its own bare run after it. CPU of the mesh counts from before the upload.`,
      `Bare: \`${command}\``,
    ],
  };
}

async function meshCost(source: string): Promise<Cost> {
  await using mesh = await startMesh({}, ownNamespace);
  const before = treeCpuSeconds([mesh.process.pid]);
  const { wallSeconds, assetId } = await encode(mesh, source);
  const cpuSeconds = treeCpuSeconds([mesh.process.pid]) - before;
  const { tracks } = await mesh.clients.generation(assetId);
  // `unshare` keeps TERM from the mesh, which has nothing left to do.
  mesh.process.signal('SIGKILL');
  const taken = tracks.filter(({ remuxed }) => remuxed).map(({ name }) => name);
  if (taken.length > 0)
    throw new Error(`no_remux was not kept: ${taken} is no encode, nothing can be compared.`);
  return {
    cpuSeconds,
    wallSeconds,
    bytes: tracks.reduce((sum, { sizeBytes }) => sum + Number(sizeBytes), 0),
  };
}

async function encode(mesh: MeshAddress, source: string): Promise<{ wallSeconds: number; assetId: string }> {
  const { assetId, endedAt } = await uploadSource(mesh, source, { profile: 'bench-encode' });
  await untilReady(mesh, assetId, encodeTimeoutMs, askingMs);
  return { wallSeconds: (performance.now() - endedAt) / 1000, assetId };
}

async function bareCost(source: string): Promise<Cost & { command: string }> {
  await using directory = await tempDir('bench-ladder');
  for (const name of ['audio', ...rungs.map(({ shortSide }) => `${shortSide}`)])
    await mkdir(join(directory.path, name));
  const run = await runFfmpeg(ladderArgs(source, rungs, framesPerSecond, directory.path));
  return { ...run, wallSeconds: run.seconds, bytes: await segmentBytes(directory.path) };
}

async function segmentBytes(folder: string): Promise<number> {
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.m4s'));
  const sizes = await Promise.all(files.map(async (name) => (await stat(join(folder, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Wall seconds from the end of the upload to READY with workers that are bound to one CPU each. */
async function fleetSeconds(cpus: readonly number[], minutes: number): Promise<number> {
  const source = await loopedSource('remux', minutes * 60);
  await using fleet = await startFleet({ workers: cpus });
  // What is loaded once is loaded before the clock runs.
  const { assetId } = await encode(fleet, await loopedSource('remux', 10));
  await deleteAsset(fleet, assetId);
  return (await encode(fleet, source)).wallSeconds;
}
