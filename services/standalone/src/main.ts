import { parseArgs } from 'node:util';
import { loadConfig } from '@kerkis/config';
import { isKerkisError } from '@kerkis/errors';
import { untilSignal, version } from '@kerkis/mesh';
import { startTelemetry } from '@kerkis/telemetry';
import { startStandalone } from './service.ts';

try {
  const { values } = parseArgs({ options: { config: { type: 'string' } } });
  const config = loadConfig({ file: values.config, env: process.env });
  const signal = untilSignal(process);
  await using telemetry = startTelemetry({ serviceName: 'standalone', version, ...config.telemetry });
  await using _mesh = await startStandalone({ config, telemetry, environment: process.env, signal });
  await new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', resolve);
  });
  telemetry.logger.info('stopping');
} catch (error) {
  if (!isKerkisError(error)) throw error;
  process.stderr.write(`kerkis standalone: ${error.reason}: ${error.message}\n`);
  process.exitCode = 1;
}
