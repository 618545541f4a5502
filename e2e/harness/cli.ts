import { join } from 'node:path';
import { startProcess } from './process.ts';

const root = join(import.meta.dirname, '..', '..');
/** What `npx kerkis` runs. */
export const kerkis = join(root, 'node_modules', '.bin', 'kerkis');

const timeoutMs = 150_000;

/** What a command did. */
export interface CliResult {
  /** Null when it took too long and was killed. */
  readonly exitCode: number | null;
  /** The JSON objects of stdout; a line that is no JSON fails. */
  readonly events: readonly Readonly<Record<string, unknown>>[];
  readonly stderr: string;
}

/** The last line of an upload that went well. */
export interface UploadDone {
  readonly event: 'done';
  readonly assetId: string;
  readonly playbackId: string;
  readonly state: string;
  readonly playbackUrl: string;
}

/** Runs a command of `kerkis` with `--json` to its end. */
export async function runCli(server: string, args: readonly string[]): Promise<CliResult> {
  await using running = await startProcess({
    command: kerkis,
    args: [...args, '--server', server, '--json'],
  });
  // So that what hangs is told by name, long before the test runner gives up.
  const timer = setTimeout(() => running.signal('SIGKILL'), timeoutMs);
  const { code } = await running.ended;
  clearTimeout(timer);
  const events = running.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { exitCode: code, events, stderr: running.stderr() };
}

/** Uploads a file and waits until it is READY, or PLAYABLE. Throws when the command does not say so. */
export async function uploadFile(
  server: string,
  file: string,
  args: readonly string[] = [],
  until: 'ready' | 'playable' = 'ready',
): Promise<UploadDone> {
  const { exitCode, events, stderr } = await runCli(server, ['upload', file, '--wait', until, ...args]);
  const last = events.at(-1);
  if (exitCode !== 0 || last?.event !== 'done') {
    throw new Error(`upload of ${file} ended with ${exitCode}: ${stderr} ${JSON.stringify(last)}`);
  }
  return last as unknown as UploadDone;
}
