import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  defaultProcessLimits,
  encodeUnit,
  type FfmpegProgress,
  locateMediaTools,
  startFfmpeg,
} from '../src/index.ts';
import { confine } from '../src/process/confine.ts';
import { ffmpeg, pictures, plan, settings, temporaryFolder, tools, x264 } from './samples.ts';

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());
const source = join(folder.path, 'source.mp4');
beforeAll(() => ffmpeg(...pictures('160x120', '25', 2), ...x264, source).then(() => {}));

const endless = [
  '-nostdin',
  '-v',
  'error',
  '-re',
  '-f',
  'lavfi',
  '-i',
  'testsrc',
  '-progress',
  'pipe:1',
  '-f',
  'null',
  '-',
];
const options = { tools, readable: [] };

test('progress is reported while it runs and at the end', async () => {
  const seen: FfmpegProgress[] = [];
  const args = ['-nostdin', '-v', 'error', '-progress', 'pipe:1', '-i', `file:${source}`, '-f', 'null', '-'];
  const running = startFfmpeg(args, {
    tools,
    readable: [source],
    onProgress: (progress) => seen.push(progress),
  });
  expect(await running.ended).toMatchObject({ frames: 50 });
  expect(seen.at(-1)?.frames).toBe(50);
});

test.runIf(tools.setpriv)('what starts when its parent is gone already does not run', async () => {
  const command = confine(tools, ['/usr/bin/true'], { limits: defaultProcessLimits, readable: [] });
  const [file = '', ...args] = command;
  const codeOf = (child: ReturnType<typeof spawn>) => new Promise((resolve) => child.once('close', resolve));
  expect(await codeOf(spawn(file, args))).toBe(0);
  // A shell in between stands for whoever adopts it.
  expect(await codeOf(spawn('/bin/sh', ['-c', '"$@"; exit $?', 'sh', ...command]))).toBe(1);
});

test('a short run has a speed even where ffmpeg counts none', async () => {
  const io = ['-progress', 'pipe:1', '-copyts', '-i', `file:${source}`, '-f', 'null', '-'];
  const running = startFfmpeg(['-nostdin', '-v', 'error', ...io], {
    tools,
    readable: [source],
    mediaSeconds: 2,
  });
  expect((await running.ended).speed).toBeGreaterThan(0);
});

test('a failure carries exit code and last words, without paths of this machine', async () => {
  const running = startFfmpeg(['-nostdin', '-v', 'error', '-i', 'file:/nowhere/secret.mp4'], options);
  const failure = await running.ended.catch((error) => error);
  expect(failure).toMatchObject({ kind: 'internal', reason: 'FFMPEG_FAILED', details: { exitCode: '1' } });
  expect(failure.details.stderr).toContain('No such file');
  expect(JSON.stringify(failure.details)).not.toContain('nowhere');
});

test('one that is cancelled while it starts ends, whenever that is', async () => {
  for (let delayMs = 0; delayMs < 30; delayMs++) {
    const cancel = new AbortController();
    const running = startFfmpeg(endless, { ...options, signal: cancel.signal });
    await delay(delayMs / 2);
    cancel.abort();
    await expect(running.ended).rejects.toMatchObject({ kind: 'cancelled' });
  }
});

test('time limit, cancellation and CPU limit end it', async () => {
  const limits = { ...defaultProcessLimits, timeoutMs: 300 };
  await expect(startFfmpeg(endless, { ...options, limits }).ended).rejects.toMatchObject({
    reason: 'FFMPEG_TIMEOUT',
  });
  const cancel = new AbortController();
  const running = startFfmpeg(endless, { ...options, signal: cancel.signal });
  cancel.abort();
  await expect(running.ended).rejects.toMatchObject({ kind: 'cancelled' });
  const busy = ['-nostdin', '-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=s=1920x1080', '-f', 'null', '-'];
  const greedy = startFfmpeg(busy, { ...options, limits: { ...defaultProcessLimits, cpuSeconds: 1 } });
  await expect(greedy.ended).rejects.toMatchObject({ reason: 'FFMPEG_KILLED' });
});

test('it sees its input and nothing else', async ({ skip }) => {
  if (tools.bubblewrap === undefined) skip('bubblewrap does not work here');
  const args = ['-nostdin', '-v', 'error', '-i', `file:${source}`, '-f', 'null', '-'];
  await expect(startFfmpeg(args, options).ended).rejects.toMatchObject({ reason: 'FFMPEG_FAILED' });
  await expect(startFfmpeg(args, { tools, readable: [source] }).ended).resolves.toBeDefined();
});

test('without wrappers it works as well', async () => {
  const bare = { ffmpeg: tools.ffmpeg, ffprobe: tools.ffprobe };
  const args = ['-nostdin', '-v', 'error', '-progress', 'pipe:1', '-i', `file:${source}`, '-f', 'null', '-'];
  expect(await startFfmpeg(args, { tools: bare, readable: [source] }).ended).toMatchObject({ frames: 50 });
  await expect(locateMediaTools({ ffmpeg: '/nowhere/ffmpeg' })).rejects.toMatchObject({
    reason: 'FFMPEG_MISSING',
  });
});

test('who stops reading stops ffmpeg', async () => {
  const media = await plan(source);
  const unit = { kind: 'video', rungs: ['h264-120p', 'h264-64p'], firstSegment: 0, segmentCount: 2 } as const;
  for await (const part of encodeUnit(media, unit, { ...settings, sourcePath: source })) {
    expect(part.kind).toBe('init');
    break;
  }
});

test('a source that is gone fails with the words of ffmpeg', async () => {
  const media = await plan(source);
  const unit = { kind: 'video', rungs: ['h264-64p'], firstSegment: 0, segmentCount: 1 } as const;
  const gone = { ...settings, sourcePath: join(folder.path, 'gone.mp4') };
  await expect(Array.fromAsync(encodeUnit(media, unit, gone))).rejects.toMatchObject({
    reason: 'FFMPEG_FAILED',
  });
});

test('ffmpeg dies with its parent, even when that is killed', async ({ skip }) => {
  if (tools.setpriv === undefined || !existsSync('/proc/self')) skip('setpriv or /proc is missing');
  const library = JSON.stringify(join(import.meta.dirname, '../src/process/run-process.ts'));
  const script = `
    const { startProcess } = await import(${library});
    const tools = ${JSON.stringify({ ...tools, bubblewrap: undefined })};
    const limits = ${JSON.stringify(defaultProcessLimits)};
    const child = startProcess(tools, [tools.ffmpeg, ...${JSON.stringify(endless)}], { limits, readable: [] });
    let first = true;
    child.stdout.on('data', () => { if (first) console.log('started'); first = false; });
  `;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => parent.stdout.once('data', resolve));
  const children = await childrenOf(parent.pid ?? 0);
  expect(children).toHaveLength(1);
  parent.kill('SIGKILL');
  for (let tries = 0; tries < 100 && children.some(isAlive); tries++) await delay(50);
  expect(children.filter(isAlive)).toEqual([]);
});

async function childrenOf(pid: number): Promise<number[]> {
  const { readFile } = await import('node:fs/promises');
  const list = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return list.split(' ').filter(Boolean).map(Number);
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}
