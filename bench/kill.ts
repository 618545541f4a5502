import { readFile, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { AssetState } from '@kerkis/contracts/catalog';
import { type Chunk, ChunkState } from '@kerkis/contracts/transcode';
import { waitUntil } from '@kerkis/testing';
import { decode } from '../e2e/harness/decode.ts';
import { descendants, stillRunning } from '../e2e/harness/process-table.ts';
import { type Fleet, startFleet } from './harness/fleet.ts';
import { randomNumbers } from './harness/random.ts';
import { loopedSource } from './harness/sources.ts';
import { uploadStubbornly } from './harness/stubborn-upload.ts';
import { type Report, verdict } from './harness/table.ts';
import { untilEnded, untilReady } from './harness/upload.ts';

const profile = 'bench';
/** Bound to no CPU. */
const workers = [undefined, undefined];
const orphanGraceMs = 5_000;
const endTimeoutMs = 1_800_000;
const resumeLimitSeconds = 60;

/** Kills random processes of a fleet at work, wipes the store of NATS once, and looks at what comes out. */
export async function kill(args: readonly string[]): Promise<Report> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      kills: { type: 'string' },
      seconds: { type: 'string' },
      seed: { type: 'string', default: '1' },
      lease: { type: 'string', default: '5' },
      'in-flight': { type: 'string', default: '3' },
      quick: { type: 'boolean', default: false },
    },
  });
  const kills = Number(values.kills ?? (values.quick ? 8 : 100));
  const seconds = Number(values.seconds ?? (values.quick ? 12 : 40));
  const random = randomNumbers(Number(values.seed));
  const file = await readFile(await loopedSource('remux', seconds));
  await using fleet = await startFleet({
    workers,
    settings: { KERKIS_TRANSCODE_PLANNER_LEASE_SECONDS: values.lease },
  });
  const undisturbed = await uploadStubbornly(fleet, file, profile);
  await untilReady(fleet, undisturbed, endTimeoutMs);
  const wanted = await frames(fleet, undisturbed);

  const batch = startBatch(fleet, file, Number(values['in-flight']));
  const counts = new Map<string, number>();
  const orphans: Promise<number>[] = [];
  let resumedSeconds = Number.NaN;
  for (let done = 0; done < kills; ) {
    await sleep(500 + random() * 3_000);
    if (done === Math.floor(kills / 2) && Number.isNaN(resumedSeconds)) {
      resumedSeconds = await wipeNats(fleet, batch.assets);
    }
    const names = [...fleet.members.keys(), 'nats'];
    const name = names[Math.floor(random() * names.length)] ?? 'nats';
    if (!(await killOne(fleet, name, orphans))) continue;
    done += 1;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const assets = await batch.stop();

  const ended = await Promise.all(assets.map((assetId) => untilEnded(fleet, assetId, endTimeoutMs)));
  const failed = ended.filter(({ state }) => state !== AssetState.READY);
  const different: string[] = [];
  let chunkCount = 0;
  let again = 0;
  for (const { id, state } of ended) {
    if (state === AssetState.READY && (await frames(fleet, id)) !== wanted) different.push(id);
    for (const { attempts } of await fleet.clients.chunks(id)) {
      chunkCount += 1;
      again += Math.max(0, attempts - 1);
    }
  }
  const orphanCount = (await Promise.all(orphans)).reduce((sum, count) => sum + count, 0);
  const crashes = [...fleet.members.values()].flatMap((member) => member.crashes);
  return {
    title: `kill -9, ${kills} times, ${assets.length} assets of ${seconds} s`,
    tables: [
      {
        columns: ['what', 'count', 'aim'],
        rows: [
          ['assets that did not end READY', failed.length, verdict(failed.length, 0)],
          [
            'assets whose frames differ from the run without kills',
            different.length,
            verdict(different.length, 0),
          ],
          [`chunks started again, of ${chunkCount}`, again, verdict(again, kills)],
          [
            `children alive ${orphanGraceMs / 1000} s after their parent`,
            orphanCount,
            verdict(orphanCount, 0),
          ],
          [
            'seconds until work went on after the store of NATS was wiped',
            resumedSeconds,
            verdict(resumedSeconds, resumeLimitSeconds),
          ],
          ['processes that ended without having been killed', crashes.length, verdict(crashes.length, 0)],
        ],
      },
      { columns: ['killed', 'times'], rows: [...counts].toSorted() },
    ],
    remarks: [
      `Seed ${values.seed}, lease ${values.lease} s, two workers of one slot, each process started again after 0.3 s.`,
      ...failed.map(({ id, failure }) => `${id} failed: ${failure?.reason} ${failure?.message}`),
      ...different.map((id) => `${id} differs.`),
      ...crashes.slice(0, 5).map((crash) => crash.replaceAll(/\s+/g, ' ').slice(0, 500)),
    ],
  };
}

/** Kills a process, and looks later whether its children went with it. False when it was down. */
async function killOne(fleet: Fleet, name: string, orphans: Promise<number>[]): Promise<boolean> {
  if (name === 'nats') {
    await fleet.nats.kill();
    await fleet.nats.restart();
    return true;
  }
  const member = fleet.members.get(name);
  const pid = member?.pid();
  if (!member || pid === undefined) return false;
  const children = descendants(pid);
  if (!(await member.kill())) return false;
  orphans.push(sleep(orphanGraceMs).then(() => stillRunning(children).length));
  return true;
}

/** Keeps as many assets in the making as wanted, until it is told to stop. */
function startBatch(fleet: Fleet, file: Uint8Array, inFlight: number) {
  const assets: string[] = [];
  let isStopping = false;
  async function keepUploading(): Promise<void> {
    while (!isStopping) {
      const assetId = await uploadStubbornly(fleet, file, profile);
      assets.push(assetId);
      await Promise.race([untilEnded(fleet, assetId, endTimeoutMs), untilStopping()]);
    }
  }
  const untilStopping = () => waitUntil(() => isStopping, { timeoutMs: endTimeoutMs, intervalMs: 100 });
  const uploaders = Promise.all(Array.from({ length: inFlight }, keepUploading));
  // It may fail before it is awaited.
  uploaders.catch(() => {});
  return {
    assets,
    async stop(): Promise<readonly string[]> {
      isStopping = true;
      await uploaders;
      return assets;
    },
  };
}

/**
 * Wipes the store in the middle of work; returns the seconds until a chunk that waited then is worked on. While all workers are
 * busy with what they had begun, the clock stands still.
 */
async function wipeNats({ clients, nats }: Fleet, assets: readonly string[]): Promise<number> {
  const chunks = async () => (await Promise.all(assets.map((id) => clients.chunks(id)))).flat();
  const waits = (state: ChunkState) => state === ChunkState.PENDING || state === ChunkState.QUEUED;
  const idsWaiting = async () => (await chunks()).filter(({ state }) => waits(state)).map(({ id }) => id);
  const waiting = await waitUntil(
    async () => {
      if ((await idsWaiting()).length === 0) return undefined;
      await nats.kill();
      // A task that was handed out just before is begun meanwhile.
      await sleep(1_000);
      const found = await idsWaiting().catch(() => []);
      if (found.length > 0) return new Set(found);
      await nats.restart();
      return undefined;
    },
    { what: 'waiting chunks', timeoutMs: 300_000, intervalMs: 200 },
  );
  await rm(nats.storeDir, { recursive: true });
  await nats.restart();
  let lastAt = performance.now();
  let idleMs = 0;
  await waitUntil(
    async () => {
      const all = await chunks();
      const now = performance.now();
      if (all.filter(isWorkedOn).length < workers.length) idleMs += now - lastAt;
      lastAt = now;
      return all.some(({ id, state }) => waiting.has(id) && !waits(state));
    },
    { what: 'work that goes on after the store of NATS was wiped', timeoutMs: 300_000, intervalMs: 200 },
  );
  return idleMs / 1000;
}

/** Whether a worker that lives holds it. */
function isWorkedOn({ state, leaseExpireTime }: Chunk): boolean {
  return state === ChunkState.RUNNING && Number(leaseExpireTime?.seconds ?? 0) * 1000 > Date.now();
}

/** Every decoded picture and sound of an asset with its time, as one text. */
async function frames({ clients, url }: Fleet, assetId: string): Promise<string> {
  const asset = await clients.asset(assetId);
  const streams = await decode(`${url}/v/${asset.playbackIds[0]?.id}/master.m3u8`);
  return streams
    .map(({ kind, size, frames: each }) => `${kind} ${size}\n${each.join('\n')}`)
    .toSorted()
    .join('\n');
}
