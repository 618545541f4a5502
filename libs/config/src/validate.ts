import type { z } from 'zod';
import { allowedText } from './allowed.ts';
import { configInvalid, type KeyPath, keyText, type Problem, valueText } from './problem.ts';
import { brokenRules } from './rules.ts';
import type { configSchema, ParsedConfig } from './schema.ts';
import { suggestion } from './suggestion.ts';
import { isSecret, leafOf, nodeAt } from './tree.ts';
import type { YamlText } from './yaml-text.ts';

/** What is to be validated, and where each part of it was given. */
export interface Sources {
  readonly input: unknown;
  /** Variable (or command line) that set a leaf, by key. */
  readonly origins: ReadonlyMap<string, string>;
  readonly yaml: YamlText | undefined;
}

/** The parsed configuration, or `invalid CONFIG_INVALID` with everything that is wrong. */
export function validated(schema: typeof configSchema, sources: Sources): ParsedConfig {
  const result = schema.safeParse(sources.input);
  if (!result.success) {
    throw configInvalid(result.error.issues.flatMap((issue) => problemsOf(issue, sources)));
  }
  const broken = brokenRules(result.data);
  if (broken.length > 0) {
    throw configInvalid(broken.map(({ path, text }) => problemAt(path, text, sources)));
  }
  return result.data;
}

function problemsOf(issue: z.core.$ZodIssue, sources: Sources): Problem[] {
  const path = issue.path as KeyPath;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey(path, key, sources));
  }
  if (issue.code === 'invalid_key') {
    const form = nodeAt(path.slice(0, -1))?.propertyNames?.form ?? 'another name';
    return [problemAt(path, `is not an allowed name; allowed: ${form}`, sources, 'key')];
  }
  const node = nodeAt(path) ?? {};
  const value = valueAt(sources.input, path);
  const allowed = `allowed: ${allowedText(node)}`;
  if (value === undefined) return [problemAt(path, `is missing; ${allowed}`, sources)];
  if (issue.code === 'too_big' && issue.origin === 'array') {
    return [problemAt(path, `has more than ${issue.maximum} items`, sources)];
  }
  const near =
    typeof value === 'string' && node.enum !== undefined ? suggestion(value, node.enum) : undefined;
  const quotes = node.type === 'string' && ['number', 'boolean'].includes(typeof value);
  const hint = near === undefined ? (quotes ? ' in quotes' : '') : `; did you mean ${near}?`;
  return [problemAt(path, `is ${valueText(value, isSecret(path))}; ${allowed}${hint}`, sources)];
}

function unknownKey(path: KeyPath, key: string, sources: Sources): Problem {
  const known = Object.keys(nodeAt(path)?.properties ?? {});
  const near = suggestion(key, known);
  const hint = near === undefined ? `allowed: ${known.join(', ')}` : `did you mean ${near}?`;
  return problemAt([...path, key], `is not a key of Kerkis; ${hint}`, sources, 'key');
}

function problemAt(path: KeyPath, text: string, sources: Sources, what: 'key' | 'value' = 'value'): Problem {
  const where = locate(path, what, sources);
  return { key: keyText(path), text, ...(where === undefined ? {} : { where }) };
}

/** The variable that set the key; else the place in the file of the key, or of the nearest group around it. */
function locate(path: KeyPath, what: 'key' | 'value', { origins, yaml }: Sources): string | undefined {
  const leaf = leafOf(path);
  const origin = leaf === undefined ? undefined : origins.get(leaf.key);
  if (origin !== undefined) return origin;
  for (let length = path.length; length > 0; length--) {
    const found = yaml?.locate(path.slice(0, length), length === path.length ? what : 'key');
    if (found !== undefined) return found;
  }
  return undefined;
}

function valueAt(input: unknown, path: KeyPath): unknown {
  let value = input;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}
