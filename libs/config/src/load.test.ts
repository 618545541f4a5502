import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isKerkisError } from '@kerkis/errors';
import { afterAll, describe, expect, test } from 'vitest';
import { loadConfig, parseConfig } from './load.ts';

const directory = mkdtempSync(join(tmpdir(), 'kerkis-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

function write(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

function failure(run: () => unknown) {
  try {
    run();
  } catch (error) {
    if (!isKerkisError(error)) throw error;
    return error;
  }
  throw new Error('nothing was refused');
}

function refused(yaml: string, env: Record<string, string> = {}) {
  const error = failure(() => parseConfig(yaml, { env, name: 'kerkis.yaml' }));
  expect(error.kind).toBe('invalid');
  expect(error.reason).toBe('CONFIG_INVALID');
  return error.message.split('\n').slice(1).join('\n');
}

describe('without any file', () => {
  test('every key has its default', () => {
    const config = loadConfig({ env: {} });
    expect(config.server).toMatchObject({ host: '127.0.0.1', port: 4400 });
    expect(config.upload.maxSizeBytes).toBe(50 * 2 ** 30);
    expect(config.nats.url).toBeUndefined();
    expect(config.database.url).toBe('sqlite:data/kerkis.db');
    expect(config.storage).toMatchObject({ kind: 'filesystem', directory: 'data/objects' });
    expect(config.transcode.worker.scratchDirectory).toBe('data/scratch');
    expect(Object.keys(config.profiles)).toEqual(['default', 'fast', 'audio']);
  });

  test('nothing in it can be changed', () => {
    const config = loadConfig({ env: {} });
    expect(() => Object.assign(config.upload.import, { enabled: false })).toThrow(TypeError);
    expect(() => Object.assign(config.profiles.default?.renditions[0] ?? {}, { crf: 1 })).toThrow(TypeError);
  });
});

describe('a file', () => {
  test('sets what it names and leaves the rest', () => {
    const file = write('some.yaml', 'upload:\n  maxSizeBytes: 2GiB\n  import:\n    enabled: false\nnats:\n');
    const config = loadConfig({ file, env: {} });
    expect(config.upload.maxSizeBytes).toBe(2 ** 31);
    expect(config.upload.import).toMatchObject({ enabled: false, maxSizeBytes: 2 ** 31 });
    expect(config.upload.sessionTtlHours).toBe(24);
    expect(loadConfig({ env: { KERKIS_CONFIG: file } })).toEqual(config);
  });

  test('adds profiles to the built-in ones or replaces them', () => {
    const { profiles } = parseConfig(
      'profiles:\n  fast:\n    audio: [{bitrateBps: 64000}]\n  tiny:\n    renditions: [{shortSide: 144, bitrateBps: 100000}]\n',
    );
    expect(Object.keys(profiles)).toEqual(['default', 'fast', 'audio', 'tiny']);
    expect(profiles.fast?.renditions).toEqual([]);
    expect(profiles.tiny).toMatchObject({ segmentSeconds: 4, preset: 'veryfast', extras: { poster: true } });
  });

  test('that does not exist is told by name', () => {
    const error = failure(() => loadConfig({ file: join(directory, 'none.yaml'), env: {} }));
    expect(error).toMatchObject({ kind: 'not_found', reason: 'CONFIG_UNREADABLE' });
    expect(error.message).toContain('none.yaml');
  });

  test('an empty file is the defaults', () => {
    expect(parseConfig('# nothing\n')).toEqual(loadConfig({ env: {} }));
  });
});

describe('wrong values', () => {
  test('name the place, the key, what was given and what is allowed', () => {
    expect(refused('upload:\n  maxSizeBytes: 5 apples\n')).toBe(
      '  kerkis.yaml:2:17: upload.maxSizeBytes is "5 apples"; allowed: a size from 1B to 5TiB: a whole number of bytes, or with a suffix such as 16MiB or 50GB',
    );
    expect(refused('server: {port: 70000}')).toBe(
      '  kerkis.yaml:1:16: server.port is 70000; allowed: a whole number from 0 to 65535 (port number)',
    );
    expect(refused('upload:\n  partSizeBytes: 1B')).toContain('a size from 5MiB to 5GiB');
  });

  test('deep in a list are named by their position', () => {
    expect(refused('profiles:\n  mine:\n    renditions:\n      - shortSide: 361\n        crf: 20\n')).toBe(
      '  kerkis.yaml:4:20: profiles.mine.renditions[0].shortSide is 361; allowed: an even number from 64 to 4320 (pixels)',
    );
    expect(refused('profiles:\n  mine:\n    renditions:\n      - crf: 20\n')).toContain(
      'kerkis.yaml:4:9: profiles.mine.renditions[0].shortSide is missing; allowed: an even number',
    );
  });

  test('of a group, a list or a name are told too', () => {
    expect(refused('upload: 5')).toContain('upload is 5; allowed: a group of the keys maxSizeBytes,');
    expect(refused('server:\n  corsOrigins: everyone')).toContain('a list, each item an origin such as');
    expect(refused('- 1')).toContain('allowed: a group of the keys dataDirectory, server');
    expect(refused('profiles: {"Über": {}}')).toContain('allowed: up to 64 lower-case letters');
    expect(refused('telemetry: {logLevel: warning}')).toContain('did you mean warn?');
  });

  test('all of them are told at once, as violations too', () => {
    const error = failure(() => parseConfig('server: {port: -1}\nupload: {sessionTtlHours: no}\n'));
    expect(error.violations.map(({ field }) => field)).toEqual(['server.port', 'upload.sessionTtlHours']);
  });

  test('that YAML takes for numbers are to be quoted', () => {
    expect(refused('storage: {s3: {accessKeyId: 123}}')).toContain('allowed: text in quotes');
  });

  test('that are secret are not shown', () => {
    const secret = 'nats: {password: [hunter2]}\nauth: {keys: [{name: a, sha256: hunter2}]}';
    expect(refused(secret)).not.toContain('hunter2');
    expect(refused('', { KERKIS_DATABASE_URL: 'postgres://u:hunter2@db' })).not.toContain('hunter2');
  });
});

describe('unknown keys', () => {
  test('are refused with the nearest key', () => {
    expect(refused('upload:\n  maxSizeByte: 1\n')).toBe(
      '  kerkis.yaml:2:3: upload.maxSizeByte is not a key of Kerkis; did you mean maxSizeBytes?',
    );
    expect(refused('colour: red')).toContain('allowed: dataDirectory, server');
  });

  test('are refused below a value from an alias', () => {
    expect(refused('upload: &u {maxSize: 1}\ndelivery: *u\n')).toContain('delivery.maxSize is not a key');
  });

  test('as variables are refused with the nearest variable', () => {
    expect(refused('', { KERKIS_UPLOAD_MAX_SIZE: '1' })).toBe(
      '  KERKIS_UPLOAD_MAX_SIZE: is not a variable of Kerkis; did you mean KERKIS_UPLOAD_MAX_SIZE_BYTES?',
    );
  });

  test('of tools, tests and Kubernetes are let through', () => {
    const env = {
      KERKIS_SERVER: 'http://a',
      KERKIS_API_KEY: 'k',
      KERKIS_TEST_MONGODB_URL: 'x',
      KERKIS_CATALOG_SERVICE_HOST: '10.0.0.1',
      KERKIS_CATALOG_SERVICE_PORT_HTTP: '4400',
      KERKIS_CATALOG_PORT: 'tcp://10.0.0.1:4400',
      KERKIS_CATALOG_PORT_4400_TCP_ADDR: '10.0.0.1',
      PATH: '/bin',
    };
    expect(loadConfig({ env })).toEqual(loadConfig({ env: {} }));
  });
});

describe('environment', () => {
  test('wins over the file and names itself when it is wrong', () => {
    const env = { KERKIS_SERVER_PORT: '1234', KERKIS_UPLOAD_CHECKSUM_ALGORITHMS: '[sha512]' };
    const config = parseConfig('server: {port: 1}', { env });
    expect(config.server.port).toBe(1234);
    expect(config.upload.checksumAlgorithms).toEqual(['sha512']);
    expect(refused('server: {port: 1}', { KERKIS_SERVER_PORT: 'x' })).toContain(
      '  KERKIS_SERVER_PORT: server.port is "x"; allowed: a whole number',
    );
  });

  test('an empty variable counts as not set', () => {
    expect(loadConfig({ env: { KERKIS_NATS_URL: '', KERKIS_NATS_TOKEN_FILE: '' } }).nats.url).toBeUndefined();
  });

  test('_FILE reads the value from a file, without its last line end', () => {
    const KERKIS_AUTH_MESH_TOKEN_FILE = write('token', 'a-long-mesh-token-1234\n');
    expect(loadConfig({ env: { KERKIS_AUTH_MESH_TOKEN_FILE } }).auth.meshToken).toBe(
      'a-long-mesh-token-1234',
    );
    expect(refused('', { KERKIS_AUTH_MESH_TOKEN_FILE, KERKIS_AUTH_MESH_TOKEN: 'x' })).toContain('set twice');
    expect(refused('', { KERKIS_NATS_TOKEN_FILE: join(directory, 'none') })).toContain('cannot be read');
  });

  test('standard OpenTelemetry variables count when nothing of ours does', () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel:4318',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    };
    expect(loadConfig({ env }).telemetry).toMatchObject({
      otlpEndpoint: 'http://otel:4318',
      otlpProtocol: 'http/json',
    });
    const yaml = 'telemetry: {otlpEndpoint: "http://mine:4318"}';
    expect(parseConfig(yaml, { env }).telemetry.otlpEndpoint).toBe('http://mine:4318');
  });

  test('defaults of the caller count when nothing else does', () => {
    const defaults = { 'telemetry.logLevel': 'warn' };
    expect(loadConfig({ env: {}, defaults }).telemetry.logLevel).toBe('warn');
    const env = { KERKIS_TELEMETRY_LOG_LEVEL: 'info' };
    expect(loadConfig({ env, defaults }).telemetry.logLevel).toBe('info');
    const file = write('level.yaml', 'telemetry: {logLevel: debug}');
    expect(loadConfig({ file, env: {}, defaults }).telemetry.logLevel).toBe('debug');
  });

  test('overrides win over everything', () => {
    const overrides = { 'server.port': 9, dataDirectory: '/srv/k', 'nats.url': undefined };
    const config = loadConfig({ env: { KERKIS_SERVER_PORT: '8' }, overrides });
    expect(config.server.port).toBe(9);
    expect(config.database.url).toBe('sqlite:/srv/k/kerkis.db');
    expect(failure(() => loadConfig({ env: {}, overrides: { 'server.prt': 1 } })).message).toContain(
      'server.prt is not a key',
    );
  });
});
