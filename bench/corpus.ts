import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { AssetState } from '@kerkis/contracts/catalog';
import { corpus as realFiles, tempDir } from '@kerkis/testing';
import { decode } from '../e2e/harness/decode.ts';
import type { EmbeddedMesh } from '../e2e/harness/embedded.ts';
import { oddMedia } from '../e2e/harness/odd-media.ts';
import { type Attack, attackFiles } from './harness/attacks.ts';
import { type Canary, startCanary } from './harness/canary.ts';
import { startMesh } from './harness/mesh.ts';
import { mutatedFiles } from './harness/mutations.ts';
import { type ProcessPeak, treePeak } from './harness/process-tree.ts';
import { type Report, verdict } from './harness/table.ts';
import { untilEnded, uploadSource } from './harness/upload.ts';
import { flaws } from './harness/wholeness.ts';

/** What became of one file. */
interface Outcome {
  readonly name: string;
  readonly group: string;
  readonly state: 'READY' | 'FAILED' | 'HANGING' | 'REFUSED';
  readonly reason: string;
  readonly seconds: number;
  readonly limitSeconds: number;
  readonly flaws: readonly string[];
  readonly peak: ProcessPeak;
}

const mostBytes = 2 * 1024 ** 3;
/** Nothing here is awaited for longer, whatever its duration says. */
const patienceSeconds = 1_200;
/** Of reasons that a person can act on. */
const typed = /^(SOURCE|MEDIA)_[A-Z_]+$/;

/** All files of the corpus, damaged ones, and attack files, the last also without the sandbox. */
export async function corpus(args: readonly string[]): Promise<Report> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      files: { type: 'string' },
      mutations: { type: 'string' },
      only: { type: 'string', default: '' },
      quick: { type: 'boolean', default: false },
    },
  });
  await using directory = await tempDir('bench-corpus');
  const real = realFiles();
  if (!real) console.warn('No corpus (KERKIS_MEDIA_CORPUS): generated odd media take its place.');
  const known = real ?? (await oddMedia());
  const step = values.quick ? Math.ceil(known.length / 6) : 1;
  const chosen = known
    .filter((_, index) => index % step === 0)
    .slice(0, Number(values.files ?? known.length));
  const paths = known.map(({ path }) => path);
  const damaged = await mutatedFiles(
    paths,
    Number(values.mutations ?? (values.quick ? 6 : 90)),
    directory.path,
  );
  await using canary = await startCanary(directory.path);
  const attacks = await attackFiles(canary, directory.path);
  const wanted = (group: string) => values.only === '' || group.includes(values.only);

  const outcomes: Outcome[] = [];
  const ends: string[] = [];
  async function run(group: string, files: readonly string[], sandbox: 'auto' | 'off'): Promise<void> {
    if (!wanted(group)) return;
    const mesh = await startMesh({ KERKIS_TRANSCODE_WORKER_SANDBOX: sandbox });
    try {
      for (const path of files) {
        const outcome = await outcomeOf(mesh, path, group);
        outcomes.push(outcome);
        const { name, state, reason, seconds } = outcome;
        console.log(`${group}, ${name}: ${state} ${reason} ${seconds.toFixed(1)} s`);
      }
      const isServing = await fetch(`${mesh.url}/readyz`)
        .then(({ ok }) => ok)
        .catch(() => false);
      if (!isServing) ends.push(`the mesh does not serve after ${group}: ${mesh.output().slice(-500)}`);
    } finally {
      await mesh[Symbol.asyncDispose]();
    }
  }
  await run(
    'corpus',
    chosen.map(({ path }) => path),
    'auto',
  );
  await run('damaged', damaged, 'auto');
  const attackPaths = attacks.map(({ path }) => path);
  await run('attack', attackPaths, 'auto');
  await run('attack without sandbox', attackPaths, 'off');
  const decodable = new Set(known.filter(({ decodes }) => decodes).map(({ path }) => basename(path)));
  return await reportOf({ outcomes, ends, decodable, attacks, canary });
}

async function outcomeOf(mesh: EmbeddedMesh, path: string, group: string): Promise<Outcome> {
  const name = basename(path);
  const watch = watchPeak(mesh.process.pid);
  const startedAt = performance.now();
  try {
    const { assetId, master } = await uploadSource(mesh, path, { profile: 'bench-small', isUnique: false });
    const asset = await untilEnded(mesh, assetId, patienceSeconds * 1000);
    const seconds = (performance.now() - startedAt) / 1000;
    const isReady = asset.state === AssetState.READY;
    return {
      ...{
        name,
        group,
        seconds,
        limitSeconds: (10 * Number(asset.durationMs)) / 1000 + 60,
        peak: watch.stop(),
      },
      state: isReady ? 'READY' : 'FAILED',
      reason: asset.failure?.reason ?? '',
      flaws: isReady ? await flawsOf(mesh, assetId, master) : [],
    };
  } catch (error) {
    const seconds = (performance.now() - startedAt) / 1000;
    const state = seconds >= patienceSeconds ? 'HANGING' : 'REFUSED';
    const reason = error instanceof Error ? error.message : String(error);
    return { ...{ name, group, state, reason, seconds, limitSeconds: 60 }, flaws: [], peak: watch.stop() };
  }
}

/** What is wrong with an asset that says it is READY. */
async function flawsOf(mesh: EmbeddedMesh, assetId: string, master: string): Promise<string[]> {
  try {
    return flaws(await mesh.clients.generation(assetId), await decode(master));
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

/** Looks five times a second; the kernel keeps the peak of each process that is still there. */
function watchPeak(pid: number): { stop(): ProcessPeak } {
  let peak: ProcessPeak = { name: '', bytes: 0 };
  const stopping = new AbortController();
  async function look(): Promise<void> {
    while (!stopping.signal.aborted) {
      const now = treePeak(pid);
      if (now.bytes > peak.bytes) peak = now;
      await sleep(200, undefined, { signal: stopping.signal }).catch(() => {});
    }
  }
  void look();
  return {
    stop() {
      stopping.abort();
      return peak;
    },
  };
}

interface Findings {
  readonly outcomes: readonly Outcome[];
  readonly ends: readonly string[];
  /** Names of files of the corpus that a hardened ffmpeg decodes. */
  readonly decodable: ReadonlySet<string>;
  readonly attacks: readonly Attack[];
  readonly canary: Canary;
}

async function reportOf({ outcomes, ends, decodable, attacks, canary }: Findings): Promise<Report> {
  const slow = outcomes.filter(
    ({ state, seconds, limitSeconds }) => state === 'HANGING' || seconds > limitSeconds,
  );
  const untyped = outcomes.filter(
    ({ state, reason }) => state === 'REFUSED' || (state === 'FAILED' && !typed.test(reason)),
  );
  const flawed = outcomes.filter((outcome) => outcome.flaws.length > 0);
  const refused = outcomes.filter(
    ({ group, state, name }) => group === 'corpus' && state !== 'READY' && decodable.has(name),
  );
  const large = outcomes.filter(({ peak }) => peak.bytes > mostBytes);
  const referring = new Set(attacks.filter(({ onlyRefers }) => onlyRefers).map(({ path }) => basename(path)));
  const followed = outcomes.filter(
    ({ state, name, group }) => group.startsWith('attack') && state === 'READY' && referring.has(name),
  );
  const wasRead = await canary.wasRead();
  const leaks = followed.length + canary.connections + (wasRead ? 1 : 0);
  const peak = Math.max(...outcomes.map((outcome) => outcome.peak.bytes)) / 1024 ** 2;
  const counted = (name: string, list: readonly unknown[]) => [name, list.length, verdict(list.length, 0)];
  const groups = Map.groupBy(outcomes, ({ group }) => group);
  const tell = ({ group, name }: Outcome, what: string) =>
    `${group}, ${name}: ${what.replaceAll(/\s+/g, ' ').slice(0, 400)}`;
  return {
    title: `Corpus: ${outcomes.length} files`,
    tables: [
      {
        columns: ['group', 'files', 'READY', 'typed failure', 'slowest s'],
        rows: [...groups].map(([group, all]) => [
          ...[group, all.length, all.filter(({ state }) => state === 'READY').length],
          all.filter(({ state, reason }) => state === 'FAILED' && typed.test(reason)).length,
          Math.max(...all.map(({ seconds }) => seconds)),
        ]),
      },
      {
        columns: ['what', 'count', 'aim'],
        rows: [
          counted('meshes that did not live on', ends),
          counted('files over 10 × duration + 60 s', slow),
          counted('READY, but output incomplete, not clean or not in sync', flawed),
          counted('failed without a typed reason', untyped),
          counted('failed, but a hardened ffmpeg decodes them', refused),
          counted('files that took a process over 2 GiB', large),
          ['highest resident memory of a process, MiB', Math.round(peak), verdict(Math.round(peak), 2048)],
          ['attack files that read another file or reached the network', leaks, verdict(leaks, 0)],
        ],
      },
    ],
    remarks: [
      ...ends,
      ...slow.map((each) => tell(each, `${each.seconds.toFixed(1)} s, ${each.reason}`)),
      ...flawed.map((each) => tell(each, each.flaws.join('; '))),
      ...untyped.map((each) => tell(each, `${each.state} ${each.reason}`)),
      ...refused.map((each) => tell(each, each.reason)),
      ...large.map((each) => tell(each, `${each.peak.name} ${Math.round(each.peak.bytes / 1024 ** 2)} MiB`)),
      ...followed.map((each) => tell(each, 'was followed')),
      ...(wasRead === undefined
        ? ['The file system keeps no times of access: reads of the canary go unseen.']
        : []),
    ],
  };
}
