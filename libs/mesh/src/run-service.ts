import { parseArgs } from 'node:util';
import { type KerkisConfig, loadConfig } from '@kerkis/config';
import { isKerkisError } from '@kerkis/errors';
import { startServer } from '@kerkis/rpc';
import { startTelemetry } from '@kerkis/telemetry';
import type { StartService } from './mesh.ts';
import { openResources } from './resources.ts';
import { serverSettings } from './server-settings.ts';
import { untilSignal } from './until-signal.ts';
import { version } from './version.ts';
import { runWorkers, workerVariable } from './workers.ts';

/** The parts of Node's `process` that a service's main uses. */
export type MainProcess = Pick<NodeJS.Process, 'argv' | 'env' | 'stderr' | 'once' | 'off' | 'exitCode'>;

/** What else a service may want of its processes. */
export interface ServiceProcesses {
  /** How many processes serve its port. Default: one. */
  readonly workersOf?: (config: KerkisConfig) => number;
}

/**
 * Runs one service as a process of its own: `[--config FILE]`, environment, telemetry, resources, server; until SIGTERM or SIGINT,
 * then drains in the reverse order. What is wrong with the configuration or the port goes to stderr, with exit code 1; a wrong
 * command line with 2.
 */
export async function runService(
  main: MainProcess,
  name: string,
  start: StartService,
  processes: ServiceProcesses = {},
): Promise<void> {
  const stopped = untilSignal(main);
  const say = (text: string, exitCode: number) => {
    main.stderr.write(`kerkis ${name}: ${text}\n`);
    main.exitCode = exitCode;
  };
  try {
    await serve(main, name, start, stopped, processes);
  } catch (error) {
    // Told to stop before it had begun, e.g. while it waits for NATS.
    if (stopped.aborted && isKerkisError(error) && error.kind === 'cancelled') return;
    if (isKerkisError(error)) say(`${error.reason}: ${error.message}`, 1);
    else if (isSystemError(error, 'ERR_PARSE_ARGS')) say(error.message, 2);
    else if (isSystemError(error, 'EADDR') || isSystemError(error, 'EACCES'))
      say(`cannot serve here (server.host, server.port): ${error.message}`, 1);
    else throw error;
  }
}

function isSystemError(error: unknown, codeStart: string): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith(codeStart);
}

async function serve(
  main: MainProcess,
  name: string,
  start: StartService,
  stopped: AbortSignal,
  { workersOf = () => 1 }: ServiceProcesses,
): Promise<void> {
  const { values } = parseArgs({ args: main.argv.slice(2), options: { config: { type: 'string' } } });
  const config = loadConfig({ file: values.config, env: main.env });

  await using telemetry = startTelemetry({ serviceName: name, version, ...config.telemetry });
  const { logger } = telemetry;
  const count = workersOf(config);
  const isWorker = main.env[workerVariable] !== undefined;
  if (count > 1 && !isWorker) {
    const unusable = (exitCode: number) => {
      main.exitCode = exitCode;
    };
    await runWorkers({ count, config, argv: main.argv, env: main.env, logger, stopped, unusable });
    return;
  }
  await using resources = await openResources({
    config,
    telemetry,
    environment: main.env,
    processName: name,
    signal: stopped,
  });
  await using service = await start(resources.meshFor(name));
  await using server = await startServer({
    ...serverSettings(config),
    reusePort: isWorker,
    parts: [{ ...service.parts, readiness: [...(service.parts.readiness ?? []), ...resources.readiness()] }],
    auth: resources.auth,
    telemetry: telemetry.forService(name),
    metricsHandler: config.telemetry.metrics ? telemetry.metricsHandler : undefined,
  });
  const { url, securePort } = server;
  logger.info({ url, ...(securePort !== undefined && { securePort }) }, 'serving');
  await aborted(stopped);
  logger.info('stopping');
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}
