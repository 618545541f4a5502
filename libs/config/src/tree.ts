import { z } from 'zod';
import { configSchema } from './schema.ts';

/** The part of a JSON Schema node that this lib reads, with what `setting.ts` writes into it. */
export interface SchemaNode {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly multipleOf?: number;
  readonly pattern?: string;
  readonly items?: SchemaNode;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: SchemaNode | false;
  readonly propertyNames?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly unit?: string;
  readonly absent?: string;
  readonly form?: string;
  readonly secret?: boolean;
  readonly minSize?: string;
  readonly maxSize?: string;
}

/** One key that holds a value, not a group of keys. */
export interface Leaf {
  /** `upload.maxSizeBytes` */
  readonly key: string;
  /** The same, in parts. */
  readonly path: readonly string[];
  /** Name of the environment variable that overrides it: `KERKIS_UPLOAD_MAX_SIZE_BYTES`. */
  readonly variable: string;
  readonly node: SchemaNode;
}

/** The schema as a tree of what may be written in the file. */
export const schemaTree = z.toJSONSchema(configSchema, { io: 'input' }) as SchemaNode;

/** All keys that hold a value, in the order of the schema. */
export const leaves: readonly Leaf[] = leavesBelow(schemaTree, []);

/** The node of a path, or `undefined` when the schema has none. Numbers are positions in lists. */
export function nodeAt(path: readonly (string | number)[]): SchemaNode | undefined {
  let node: SchemaNode | undefined = schemaTree;
  for (const part of path) {
    if (node === undefined) return undefined;
    if (typeof part === 'number') node = node.items;
    else node = own(node.properties, part) ?? (node.additionalProperties || undefined);
  }
  return node;
}

/** The leaf that a path ends at or goes through. */
export function leafOf(path: readonly (string | number)[]): Leaf | undefined {
  return leaves.find((leaf) => leaf.path.every((part, index) => part === path[index]));
}

/** Whether the value at a path may be printed. */
export function isSecret(path: readonly (string | number)[]): boolean {
  return path.some((_, index) => nodeAt(path.slice(0, index + 1))?.secret === true);
}

function leavesBelow(node: SchemaNode, path: readonly string[]): Leaf[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const childPath = [...path, name];
    if (child.properties !== undefined) return leavesBelow(child, childPath);
    return [{ key: childPath.join('.'), path: childPath, variable: variableOf(childPath), node: child }];
  });
}

function variableOf(path: readonly string[]): string {
  const words = path.map((part) => part.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase());
  return `KERKIS_${words.join('_')}`;
}

function own<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}
