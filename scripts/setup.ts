// Installs the external programs of Kerkis: `npm run setup [-- --for-tests] [--with-jaeger]`. A second run finds
// everything in place.
import { isKerkisError } from '@kerkis/errors';
import { installDebianPackages } from './setup/debian.ts';
import { buildGoTools } from './setup/go.ts';
import { provideNatsServer } from './setup/nats-server.ts';

/** A browser, GStreamer (35 MiB installed) and mpv (9 MiB; VLC would be 41) play what was made. */
const playersForTests = ['chromium', 'gst-play-1.0', 'mpv'] as const;
const forTests = process.argv.includes('--for-tests');

try {
  await installDebianPackages(
    ['ffmpeg', 'ffprobe', 'setpriv', 'prlimit', ...(forTests ? playersForTests : [])],
    { optional: ['bwrap'] },
  );
  await provideNatsServer();
  if (forTests) await buildGoTools(['nats-server-current', 'ferretdb', 'versitygw']);
  // Three minutes of building for one test: tests receive spans themselves where it is absent.
  if (process.argv.includes('--with-jaeger')) await buildGoTools(['jaeger']);
} catch (error) {
  if (!isKerkisError(error)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
