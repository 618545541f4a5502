import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { jsonSchema } from './json-schema.ts';
import { loadConfig, parseConfig } from './load.ts';
import { publishedFiles } from './published.ts';
import { leaves, nodeAt } from './tree.ts';

const root = new URL('../../../', import.meta.url);

test.each(publishedFiles(root))('$path is what the schema says now', ({ path, content }) => {
  const hint = 'run: npm run reference --workspace @kerkis/config';
  // Formatters may lay JSON out in another way.
  const normal = (text: string) => (path.endsWith('.json') ? JSON.stringify(JSON.parse(text)) : text);
  expect(normal(readFileSync(new URL(path, root), 'utf8')), hint).toBe(normal(content));
});

describe('every key', () => {
  test.each(leaves.map(({ key, node }) => [key, node] as const))('%s tells what it is', (_, node) => {
    expect(node.description).toMatch(/^[A-Za-z0-9].*\.$/s);
    expect(node.default ?? node.absent).toBeDefined();
    if (node.type === 'integer' || node.type === 'number') {
      expect(node.unit).toBeDefined();
      expect(node.minimum).toBeGreaterThan(Number.MIN_SAFE_INTEGER);
      expect(node.maximum).toBeLessThan(Number.MAX_SAFE_INTEGER);
    }
  });

  test('stands in the reference with its variable', () => {
    const docs = readFileSync(new URL('docs/configuration.md', root), 'utf8');
    for (const { variable } of leaves) expect(docs).toContain(`\`${variable}\``);
  });
});

test('the JSON Schema accepts the documented example and refuses what the loader refuses', () => {
  const example = /```yaml\n(.*?)```/s.exec(
    readFileSync(new URL('docs/configuration.md', root), 'utf8'),
  )?.[1];
  expect(example).toBeDefined();
  expect(() => parseConfig(example ?? '')).not.toThrow();
  const published = z.fromJSONSchema(jsonSchema());
  expect(published.safeParse(parse(example ?? '')).error).toBeUndefined();
  expect(published.safeParse({ server: { port: 70_000 } }).success).toBe(false);
  expect(published.safeParse({ serverr: {} }).success).toBe(false);
});

test('the defaults are within the schema', () => {
  const { database, ...config } = loadConfig({ env: {} });
  expect(() => parseConfig(JSON.stringify(config))).not.toThrow();
  expect(database.url).toBe('sqlite:data/kerkis.db');
  expect(nodeAt(['profiles', 'any', 'renditions', 0, 'crf'])?.maximum).toBe(63);
});
