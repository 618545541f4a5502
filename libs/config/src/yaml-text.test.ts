import { describe, expect, test } from 'vitest';
import { maxTextBytes, readYaml } from './yaml-text.ts';

describe('readYaml refuses', () => {
  const bomb = `a: &a [1,1,1,1,1,1,1,1,1]\n${['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']
    .map((name, index) => `${name}: &${name} [${`*${'abcdefgh'[index]},`.repeat(9)}]`)
    .join('\n')}`;
  test.each([
    ['duplicate keys', 'a:\n  b: 1\n  b: 2\n', 'c.yaml:3:3: this key was given before'],
    ['tabs as indentation', 'a:\n\tb: 1\n', 'c.yaml:2:'],
    ['open quotes', 'a: "b\n', 'c.yaml:'],
    ['several documents', 'a: 1\n---\nb: 2\n', 'c.yaml:'],
    ['unknown tags', 'a: !!js/function "x"\n', 'c.yaml:1:4'],
    ['unknown anchors', 'a: *nobody\n', 'nobody'],
    ['alias bombs', bomb, 'aliases'],
    ['circles', 'a: &a [*a]\n', 'too deeply'],
    ['deep nesting', '['.repeat(200_000), 'c.yaml'],
    ['__proto__', 'a: {__proto__: {admin: true}}\n', '__proto__'],
    ['a huge text', `a: ${'x'.repeat(maxTextBytes)}`, 'is larger than'],
  ])('%s', (_, text, message) => {
    expect(() => readYaml(text, 'c.yaml')).toThrowError(
      expect.objectContaining({ reason: 'CONFIG_INVALID', message: expect.stringContaining(message) }),
    );
  });
});

test('aliases within reason are followed, also by locate', () => {
  const { value, locate } = readYaml('a: &x\n  b: 1\nc: *x\n', 'c.yaml');
  expect(value).toEqual({ a: { b: 1 }, c: { b: 1 } });
  expect(locate(['c', 'b'], 'value')).toBe('c.yaml:2:6');
  expect(locate(['c', 'b'], 'key')).toBe('c.yaml:2:3');
  expect(locate(['c', 'd'], 'key')).toBeUndefined();
});
