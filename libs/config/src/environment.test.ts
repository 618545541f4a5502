import { isKerkisError } from '@kerkis/errors';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { toolVariables } from './environment.ts';
import { parseConfig } from './load.ts';
import { leaves, type SchemaNode } from './tree.ts';

describe('variable names', () => {
  test('follow from the keys', () => {
    const names = Object.fromEntries(leaves.map(({ key, variable }) => [key, variable]));
    expect(names).toMatchObject({
      'upload.maxSizeBytes': 'KERKIS_UPLOAD_MAX_SIZE_BYTES',
      'storage.s3.accessKeyId': 'KERKIS_STORAGE_S3_ACCESS_KEY_ID',
      'transcode.worker.threadsPerJob': 'KERKIS_TRANSCODE_WORKER_THREADS_PER_JOB',
      dataDirectory: 'KERKIS_DATA_DIRECTORY',
    });
  });

  test('are all different, with and without _FILE', () => {
    const all = [...leaves.flatMap(({ variable }) => [variable, `${variable}_FILE`]), ...toolVariables];
    expect(new Set(all).size).toBe(all.length);
  });
});

/** What loading ends with: the configuration, or the keys that were refused. */
function outcome(yaml: string, env: Record<string, string>) {
  try {
    return parseConfig(yaml, { env });
  } catch (error) {
    if (!isKerkisError(error)) throw error;
    return error.violations;
  }
}

/** Values that a key takes, and some that it does not. */
function valuesOf(node: SchemaNode): fc.Arbitrary<unknown> {
  if (node.enum !== undefined) return fc.constantFrom(...node.enum, 'nothing-of-it');
  if (node.minSize !== undefined)
    return fc.oneof(fc.nat(), fc.constantFrom('0B', '16MiB', '1.5GB', '2 TiB', '1 mile'));
  if (node.type === 'boolean') return fc.oneof(fc.boolean(), fc.constant('perhaps'));
  if (node.type === 'integer')
    return fc.integer({ min: (node.minimum ?? 0) - 1, max: (node.maximum ?? 9) + 1 });
  if (node.type === 'number')
    return fc.double({ min: node.minimum ?? 0, max: node.maximum ?? 9, noNaN: true });
  if (node.type === 'array') return fc.array(valuesOf(node.items ?? {}), { minLength: 1, maxLength: 4 });
  if (node.type === 'string') return textsOf(node);
  if (node.properties !== undefined) {
    const members = Object.entries(node.properties).map(([name, child]) => [name, valuesOf(child)] as const);
    return fc.record(Object.fromEntries(members), { requiredKeys: [...(node.required ?? [])] });
  }
  return fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), valuesOf(node.additionalProperties || {}), {
    minKeys: 1,
    maxKeys: 3,
  });
}

function textsOf(node: SchemaNode): fc.Arbitrary<unknown> {
  const odd = fc.constantFrom(
    'no',
    '1',
    '1e3',
    'null',
    '~',
    '[]',
    '{',
    'a: b',
    '# x',
    '*a',
    ' a ',
    '"',
    'é\n',
  );
  if (node.pattern === undefined) return fc.oneof(odd, fc.string({ minLength: 1, maxLength: 20 }));
  return fc.oneof(odd, fc.stringMatching(new RegExp(node.pattern)));
}

describe('a variable does the same as the key in the file', () => {
  test.each(leaves.map((leaf) => [leaf.variable, leaf] as const))('%s', (variable, { path, node }) => {
    fc.assert(
      fc.property(valuesOf(node), (value) => {
        const nested = path.reduceRight<unknown>((inner, part) => ({ [part]: inner }), value);
        const text = typeof value === 'string' ? value : JSON.stringify(value);
        expect(outcome('', { [variable]: text })).toEqual(outcome(stringify(nested), {}));
      }),
      { numRuns: 30 },
    );
  });

  test('also for a whole profile', () => {
    const mine = '{"mine": {"renditions": [{"shortSide": 144, "crf": 30}], "audio": [{}]}}';
    const config = outcome('', { KERKIS_PROFILES: mine });
    expect(config).toHaveProperty('profiles.mine.renditions.0.codec', 'h264');
    expect(config).toEqual(outcome(`profiles: ${mine}`, {}));
  });

  test('and some of these values were taken', () => {
    for (const { variable, node } of leaves) {
      const accepted = fc.sample(valuesOf(node), { numRuns: 300, seed: 1 }).filter((value) => {
        const text = typeof value === 'string' ? value : JSON.stringify(value);
        return !Array.isArray(outcome('', { [variable]: text }));
      });
      if (!dependent.includes(variable)) expect(accepted.length, variable).toBeGreaterThan(0);
    }
  });
});

/** Alone, these break a rule across keys whatever their value. */
const dependent = [
  'KERKIS_SERVER_TLS_CERT_FILE',
  'KERKIS_SERVER_TLS_KEY_FILE',
  'KERKIS_SERVER_HOST',
  'KERKIS_NATS_USER',
  'KERKIS_NATS_PASSWORD',
  'KERKIS_DEFAULT_PROFILE',
  'KERKIS_PROFILES',
];
