import { readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { KerkisError } from '@kerkis/errors';
import {
  type Environment,
  environmentFallbacks,
  environmentOverrides,
  type Override,
} from './environment.ts';
import { configInvalid } from './problem.ts';
import { configSchema, type KerkisConfig, type ParsedConfig } from './schema.ts';
import { leaves, type SchemaNode, schemaTree } from './tree.ts';
import { type Sources, validated } from './validate.ts';
import { maxTextBytes, readYaml, type YamlText } from './yaml-text.ts';

/** Where a configuration comes from. */
export interface LoadOptions {
  /** Path of the YAML file. Without it: the file that KERKIS_CONFIG names, else only defaults. */
  readonly file?: string | undefined;
  /** Environment variables; pass `process.env`. */
  readonly env: Environment;
  /** Values that win over everything else, by key (`server.port`): for command-line options. `undefined` is skipped. */
  readonly overrides?: Readonly<Record<string, unknown>> | undefined;
  /** Values by key that take the place of the built-in defaults. */
  readonly defaults?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Reads the configuration of a process: overrides, then `KERKIS_…` variables, then the file, then `OTEL_…` variables,
 * then defaults. The result is complete and deeply frozen.
 *
 * Throws `invalid CONFIG_INVALID`, with a violation for each wrong key, or `not_found CONFIG_UNREADABLE`.
 */
export function loadConfig({ file, env, overrides = {}, defaults = {} }: LoadOptions): KerkisConfig {
  const path = file ?? (env.KERKIS_CONFIG || undefined);
  const yaml = path === undefined ? undefined : readYaml(readText(path), basename(path));
  return build(yaml, env, overrides, defaults);
}

/** Like `loadConfig`, from a text in memory. `name` stands in messages where a file's name would. */
export function parseConfig(text: string, options: { env?: Environment; name?: string } = {}): KerkisConfig {
  return build(readYaml(text, options.name ?? 'config'), options.env ?? {}, {});
}

function build(
  yaml: YamlText | undefined,
  env: Environment,
  overrides: Readonly<Record<string, unknown>>,
  defaults: Readonly<Record<string, unknown>> = {},
): KerkisConfig {
  const input = withoutNulls(yaml?.value ?? {}, schemaTree);
  const origins = new Map<string, string>();
  for (const { leaf, value, where } of [...environmentFallbacks(env), ...given(defaults)]) {
    if (!has(input, leaf.path)) set(input, leaf.path, value, () => origins.set(leaf.key, where));
  }
  for (const { leaf, value, where } of [...environmentOverrides(env), ...given(overrides)]) {
    set(input, leaf.path, value, () => origins.set(leaf.key, where));
  }
  const sources: Sources = { input, origins, yaml };
  return frozen(complete(validated(configSchema, sources)));
}

function readText(path: string): string {
  try {
    if (statSync(path).size > maxTextBytes) {
      throw configInvalid([{ key: '', where: path, text: `is larger than ${maxTextBytes} bytes` }]);
    }
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof KerkisError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new KerkisError(
      'not_found',
      'CONFIG_UNREADABLE',
      `The configuration file cannot be read: ${why}. Give the path of a YAML file.`,
      { cause: error },
    );
  }
}

function given(overrides: Readonly<Record<string, unknown>>): Override[] {
  return Object.entries(overrides)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => {
      const leaf = leaves.find((candidate) => candidate.key === key);
      if (leaf === undefined) throw configInvalid([{ key, text: 'is not a key that can be overridden' }]);
      return { leaf, value, where: 'command line' };
    });
}

/** An empty value in the file, as in `upload:` with all its keys commented out, counts as not given. */
function withoutNulls(value: unknown, node: SchemaNode): unknown {
  if (node.properties === undefined || !isGroup(value)) return value;
  const entries = Object.entries(value).filter(([, child]) => child !== null);
  return Object.fromEntries(
    entries.map(([key, child]) => [key, withoutNulls(child, node.properties?.[key] ?? {})]),
  );
}

function has(input: unknown, path: readonly string[]): boolean {
  let value = input;
  for (const part of path) {
    if (!isGroup(value) || !Object.hasOwn(value, part)) return false;
    value = value[part];
  }
  return true;
}

/** Sets a value unless something on the way is not a group of keys: validation tells about that. */
function set(input: unknown, path: readonly string[], value: unknown, done: () => void): void {
  let group = input;
  for (const part of path.slice(0, -1)) {
    if (!isGroup(group)) return;
    if (!Object.hasOwn(group, part)) group[part] = {};
    group = group[part];
  }
  const last = path.at(-1);
  if (!isGroup(group) || last === undefined) return;
  group[last] = value;
  done();
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Fills in what depends on other keys. */
function complete(config: ParsedConfig): KerkisConfig {
  const { dataDirectory, database, delivery, nats, storage, transcode, upload } = config;
  const maxImportBytes = Math.min(upload.import.maxSizeBytes, upload.maxSizeBytes);
  return {
    ...config,
    database: { url: database.url ?? `sqlite:${join(dataDirectory, 'kerkis.db')}` },
    nats: { ...nats, storeDirectory: nats.storeDirectory ?? join(dataDirectory, 'nats') },
    delivery: {
      ...delivery,
      diskCacheDirectory: delivery.diskCacheDirectory ?? join(dataDirectory, 'edge-cache'),
    },
    storage: { ...storage, directory: storage.directory ?? join(dataDirectory, 'objects') },
    transcode: {
      ...transcode,
      worker: {
        ...transcode.worker,
        scratchDirectory: transcode.worker.scratchDirectory ?? join(dataDirectory, 'scratch'),
      },
    },
    upload: { ...upload, import: { ...upload.import, maxSizeBytes: maxImportBytes } },
  };
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) frozen(child);
  }
  return value;
}
