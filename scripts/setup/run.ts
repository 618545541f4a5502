import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { KerkisError } from '@kerkis/errors';

/** Where and how a command runs. */
export interface RunOptions {
  readonly directory?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs a command and returns its stdout; its stderr is shown only when it fails. */
export async function run(
  command: string,
  args: readonly string[],
  { directory, environment }: RunOptions = {},
): Promise<string> {
  const child = spawn(command, args, {
    cwd: directory,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr = (stderr + chunk).slice(-4_000);
  });
  const failed = (what: string) =>
    new KerkisError('precondition', 'SETUP_FAILED', `"${command} ${args.join(' ')}" ${what}\n${stderr}`);
  try {
    const [code] = await once(child, 'close');
    if (code === 0) return stdout;
  } catch (error) {
    throw failed(`could not be started: ${(error as Error).message}`);
  }
  throw failed(`ended with ${child.exitCode ?? child.signalCode}`);
}
