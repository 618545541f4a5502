import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { configInvalid, type KeyPath, type Problem } from './problem.ts';

/** Largest file, in bytes. */
export const maxTextBytes = 1024 * 1024;

/** Most values that aliases may stand for; a few levels of nested aliases would otherwise fill the memory. */
const maxAliasCount = 100;

/** A YAML text that was read. */
export interface YamlText {
  readonly value: unknown;
  /** `<name>:<line>:<column>` of a key's value, or of the key itself, or `undefined` when the text does not have it. */
  locate(path: KeyPath, what: 'key' | 'value'): string | undefined;
}

/**
 * Reads one YAML 1.2 document. `name` stands before line and column in messages.
 *
 * Throws `invalid CONFIG_INVALID` for syntax errors, duplicate keys, unknown tags, several documents, and texts that
 * are too large, too deep or grow too much through aliases.
 */
export function readYaml(text: string, name: string): YamlText {
  if (Buffer.byteLength(text) > maxTextBytes) {
    throw configInvalid([{ key: '', where: name, text: `is larger than ${maxTextBytes} bytes` }]);
  }
  try {
    return parse(text, name);
  } catch (error) {
    if (error instanceof RangeError) {
      throw configInvalid([{ key: '', where: name, text: 'is nested too deeply' }]);
    }
    if (error instanceof ReferenceError) {
      const text = error.message.startsWith('Excessive')
        ? 'uses aliases that stand for too many values'
        : error.message;
      throw configInvalid([{ key: '', where: name, text }]);
    }
    throw error;
  }
}

function parse(text: string, name: string): YamlText {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, {
    lineCounter,
    uniqueKeys: true,
    prettyErrors: false,
    logLevel: 'error',
  });
  const position = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset);
    return `${name}:${line}:${col}`;
  };
  const problems: Problem[] = [...document.errors, ...document.warnings].map((error) => ({
    key: '',
    where: position(error.pos[0]),
    text: error.code === 'DUPLICATE_KEY' ? 'this key was given before; give it once' : error.message,
  }));
  if (problems.length > 0) throw configInvalid(problems);
  const value: unknown = document.toJS({ maxAliasCount });
  refuseReservedKeys(value, name);
  const root = document.contents as Node | null;
  return {
    value,
    locate(path, what) {
      const offset = offsetOf(root, path, what, (node) => (isAlias(node) ? node.resolve(document) : node));
      return offset === undefined ? undefined : position(offset);
    },
  };
}

type Resolve = (node: unknown) => unknown;

function offsetOf(root: unknown, path: KeyPath, what: 'key' | 'value', resolve: Resolve): number | undefined {
  let node = root;
  let offset = startOf(root);
  for (const [index, part] of path.entries()) {
    const container = resolve(node);
    if (isMap(container)) {
      const pair = container.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
      if (pair === undefined) return undefined;
      node = pair.value;
      const wantsKey = what === 'key' && index === path.length - 1;
      offset = (wantsKey ? undefined : startOf(node)) ?? startOf(pair.key);
    } else if (isSeq(container)) {
      node = container.items[Number(part)];
      offset = startOf(node);
    } else {
      return undefined;
    }
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}

/** `__proto__` as a key would be dropped silently by the validation of maps. */
function refuseReservedKeys(value: unknown, name: string): void {
  if (typeof value !== 'object' || value === null) return;
  if (Object.hasOwn(value, '__proto__')) {
    throw configInvalid([{ key: '__proto__', where: name, text: 'is not allowed as a key' }]);
  }
  for (const child of Object.values(value)) refuseReservedKeys(child, name);
}
