import { basename } from 'node:path';
import { AssetState } from '@kerkis/contracts/catalog';
import { type CorpusEntry, corpus } from '@kerkis/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from './harness/cli.ts';
import { decode } from './harness/decode.ts';
import { type EmbeddedMesh, startEmbedded } from './harness/embedded.ts';
import { expectWhole } from './harness/expect-whole.ts';
import { filesBelow } from './harness/files-below.ts';
import { oddMedia } from './harness/odd-media.ts';
import { tellOnFailure } from './harness/tell-on-failure.ts';

/** A file and whether a hardened ffmpeg gets any picture or sound out of it. */
type Case = Pick<CorpusEntry, 'path' | 'decodes'>;

/** What became of one. */
interface Outcome {
  readonly name: string;
  readonly decodes: boolean;
  readonly state: string;
  readonly reason: string;
}

const concurrency = 3;
let mesh: EmbeddedMesh;

beforeAll(async () => {
  mesh = await startEmbedded({
    settings: {
      KERKIS_DEFAULT_PROFILE: 'small',
      // The way of many files is the subject, not seams: few chunks cost less.
      KERKIS_TRANSCODE_PLANNER_CHUNK_SECONDS: '60',
    },
  });
});

afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

tellOnFailure(() => mesh);

async function uploadAll(cases: readonly Case[]): Promise<Outcome[]> {
  const waiting = [...cases];
  const outcomes: Outcome[] = [];
  async function work(): Promise<void> {
    for (let next = waiting.shift(); next; next = waiting.shift()) outcomes.push(await outcomeOf(next));
  }
  await Promise.all(Array.from({ length: concurrency }, work));
  return outcomes;
}

async function outcomeOf({ path, decodes }: Case): Promise<Outcome> {
  const { exitCode, events, stderr } = await runCli(mesh.url, ['upload', path, '--wait', 'ready']);
  const name = basename(path);
  const last = events.at(-1);
  expect([last?.event, exitCode], `${name}: ${stderr}`).toEqual(
    last?.event === 'done' ? ['done', 0] : ['failed', 1],
  );
  if (last?.event === 'done') {
    const generation = await mesh.clients.generation(String(last.assetId));
    expectWhole(generation, await decode(String(last.playbackUrl)), name);
    return { name, decodes, state: String(last.state), reason: '' };
  }
  const reason = String(last?.reason);
  // The person in front of it reads why.
  expect(stderr, name).toContain(reason);
  expect(String(last?.message).length, name).toBeGreaterThan(20);
  return { name, decodes, state: 'FAILED', reason };
}

/** The process lives, and what failed has left nothing. */
async function expectCleanMesh(): Promise<void> {
  expect((await fetch(`${mesh.url}/readyz`)).status).toBe(200);
  const assets = [];
  for (let pageToken = '', more = true; more; more = pageToken !== '') {
    const page = await mesh.clients.assets.listAssets({ pageSize: 200, pageToken });
    assets.push(...page.assets);
    pageToken = page.nextPageToken;
  }
  const ready = new Set(assets.filter(({ state }) => state === AssetState.READY).map(({ id }) => id));
  const keys = await mesh.objectKeys();
  const strays = keys.filter((key) => key.startsWith('media/') && !ready.has(key.split('/')[1] ?? ''));
  expect(strays).toEqual([]);
  expect(keys.filter((key) => !/^(media|sources)\/ast_/.test(key))).toEqual([]);
  for (const scratch of mesh.scratchDirectories) expect(await filesBelow(scratch)).toEqual([]);
}

/** Reasons that say that there is nothing for a person to watch or hear, or that it is not allowed here. */
const typedReason = /^(SOURCE|MEDIA)_[A-Z_]+$/;

describe.each([
  { name: 'generated odd media', cases: () => oddMedia() },
  { name: 'the corpus', cases: async () => corpus() },
])('$name', ({ name, cases: casesOf }) => {
  test('each file ends as READY or with a reason', async (context) => {
    const cases = await casesOf();
    if (!cases) {
      console.warn(`SKIPPED: ${name}; set KERKIS_MEDIA_CORPUS to its folder.`);
      return context.skip();
    }
    const outcomes = await uploadAll(cases);
    const failed = outcomes.filter(({ state }) => state !== 'READY');
    expect(failed.filter(({ decodes }) => decodes)).toEqual([]);
    for (const outcome of failed) expect(outcome.reason, outcome.name).toMatch(typedReason);
    expect(outcomes.filter(({ state, decodes }) => state === 'READY' && decodes).length).toBeGreaterThan(0);
    await expectCleanMesh();
  });
});
