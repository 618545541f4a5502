import { z } from 'zod';
import { auth } from './sections/auth.ts';
import { database } from './sections/database.ts';
import { delivery } from './sections/delivery.ts';
import { inputs } from './sections/inputs.ts';
import { nats } from './sections/nats.ts';
import { defaultProfile, profiles } from './sections/profiles.ts';
import { retention } from './sections/retention.ts';
import { server } from './sections/server.ts';
import { services } from './sections/services.ts';
import { storage } from './sections/storage.ts';
import { telemetry } from './sections/telemetry.ts';
import { transcode } from './sections/transcode.ts';
import { upload } from './sections/upload.ts';
import { text } from './setting.ts';

/** The whole file. Every service reads the same one and takes its sections from it. */
export const configSchema = z.strictObject({
  dataDirectory: text(
    {
      description:
        'Directory of everything that the embedded mode stores. A relative path starts at the working directory.',
    },
    'data',
  ),
  server,
  nats,
  database,
  storage,
  services,
  upload,
  inputs,
  profiles,
  defaultProfile,
  transcode,
  delivery,
  retention,
  auth,
  telemetry,
});

type Parsed = z.output<typeof configSchema>;

/** The schema's own output: keys whose default depends on other keys may still be missing. */
export type ParsedConfig = Parsed;

/** All of `T`, frozen. */
type Frozen<T> = T extends string | number | boolean | undefined
  ? T
  : { readonly [K in keyof T]: Frozen<T[K]> };

/** The configuration of a process: every key has its value, paths of `dataDirectory` are filled in. Deeply frozen. */
export type KerkisConfig = Frozen<
  Omit<Parsed, 'database' | 'delivery' | 'storage' | 'nats' | 'transcode'> & {
    database: { url: string };
    delivery: Parsed['delivery'] & { diskCacheDirectory: string };
    storage: Parsed['storage'] & { directory: string };
    nats: Parsed['nats'] & { storeDirectory: string };
    transcode: Parsed['transcode'] & { worker: Parsed['transcode']['worker'] & { scratchDirectory: string } };
  }
>;
