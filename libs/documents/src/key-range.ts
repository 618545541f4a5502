import type { KeyRange } from './adapter.ts';

/** Conditions on a key; all must hold. */
export interface KeyConditions {
  readonly equals?: string | undefined;
  readonly prefix?: string | undefined;
  readonly from?: string | undefined;
  readonly before?: string | undefined;
}

/** The keys that satisfy all conditions as one range, or undefined if no key can. */
export function keyRange({ equals, prefix, from, before }: KeyConditions): KeyRange | undefined {
  const lowers = [equals, prefix, from].filter((bound) => bound !== undefined);
  const uppers = [
    equals === undefined ? undefined : keyAfter(equals),
    prefix === undefined ? undefined : prefixEnd(prefix),
    before,
  ].filter((bound) => bound !== undefined);
  const lower = lowers.reduce((a, b) => (compareKeys(a, b) >= 0 ? a : b), '');
  const upper = uppers.reduce<string | undefined>(
    (a, b) => (a !== undefined && compareKeys(a, b) <= 0 ? a : b),
    undefined,
  );
  if (upper !== undefined && compareKeys(lower, upper) >= 0) return undefined;
  return { lower, upper, equals };
}

/** Compares as both databases do: by the UTF-8 bytes, which is by code point (JavaScript's `<` differs above U+D7FF). */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** The very next key. */
function keyAfter(key: string): string {
  return `${key}\0`;
}

/** The first key after all that start with the prefix; undefined if there is none. */
function prefixEnd(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  while (points.at(-1) === 0x10ffff) points.pop();
  const last = points.pop();
  if (last === undefined) return undefined;
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
}
