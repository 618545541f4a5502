import type { Command } from 'commander';
import { failureOf } from '../failure.ts';
import { optionsOf, serverOf, wholeNumber } from '../global-options.ts';
import { printEvent } from '../output/json.ts';
import { whenParentDies } from '../parent.ts';
import type { Terminal } from '../terminal.ts';

interface UpOptions {
  readonly data?: string;
  readonly port?: number;
  readonly host?: string;
  readonly config?: string;
}

/** `kerkis up`: the whole mesh in this process, until SIGTERM or SIGINT. */
export function defineUp(program: Command, terminal: Terminal): void {
  program
    .command('up')
    .summary('run the mesh on this machine')
    .description(
      'Runs the whole mesh in one process until Ctrl-C. Everything that an option does not say comes from the configuration.',
    )
    .option('--data <dir>', 'directory of everything that is stored (default: ./data)')
    .option('--port <number>', 'port to serve on, 0 for a free one (default: 4400)', wholeNumber(0, 65_535))
    .option('--host <address>', 'address to serve on (default: 127.0.0.1)')
    .option('--config <file>', 'YAML file with the configuration')
    .action(async (_options, command: Command) => {
      const options = optionsOf<UpOptions>(command);
      try {
        await up(options, options.json, terminal);
      } catch (error) {
        if (options.json) printEvent(terminal, 'failed', failureOf(error, serverOf(program)));
        throw error;
      }
    });
}

async function up(options: UpOptions, json: boolean, { stdout, stderr, env }: Terminal): Promise<void> {
  // Only this command needs the services: the others start without them.
  const [{ loadConfig }, { untilSignal, version }, { startStandalone }, { startTelemetry }] =
    await Promise.all([
      import('@kerkis/config'),
      import('@kerkis/mesh'),
      import('@kerkis/standalone'),
      import('@kerkis/telemetry'),
    ]);
  const config = loadConfig({
    file: options.config,
    env,
    overrides: { dataDirectory: options.data, 'server.port': options.port, 'server.host': options.host },
    defaults: { 'telemetry.logLevel': 'warn' },
  });
  const signal = AbortSignal.any([untilSignal(process), whenParentDies(env)]);
  await using telemetry = startTelemetry({
    serviceName: 'standalone',
    version,
    ...config.telemetry,
    logPretty: stderr.isTTY === true,
  });
  await using mesh = await startStandalone({ config, telemetry, environment: env, signal });
  if (json) printEvent({ stdout }, 'ready', { url: mesh.url });
  else stdout.write(welcome(mesh, version));
  if (!signal.aborted)
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  if (!json) stdout.write('Stopping: open requests may finish. Once more to stop at once.\n');
}

function welcome({ url, dataDirectory }: { url: string; dataDirectory: string }, version: string): string {
  const server = url === 'http://127.0.0.1:4400' ? '' : ` --server ${url}`;
  return `Kerkis ${version} serves on ${url}
  data     ${dataDirectory}
  upload   npx kerkis upload FILE --wait ready${server}
  status   ${url}/readyz
Press Ctrl-C to stop.
`;
}
