import { posix } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { contentTypeOf } from './content-type.ts';
import { checkDirectoryPrefix, checkKey, checkPrefix, isObjectKey } from './key.ts';

const segment = fc.stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,40}$/);
const key = fc.array(segment, { minLength: 1, maxLength: 8 }).map((segments) => segments.join('/'));

test('what is accepted stays below the root, whatever the string', () => {
  const hostile = fc.array(
    fc.oneof(segment, fc.constantFrom('.', '..', '', '\\', '\0', '%2e%2e', '.tmp', 'a\n', 'é'), fc.string()),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(
      hostile.map((segments) => segments.join('/')),
      (candidate) => {
        if (!isObjectKey(candidate)) return;
        expect(posix.join('/root', candidate)).toBe(`/root/${candidate}`);
        expect(candidate).not.toMatch(/[^A-Za-z0-9._/-]|(^|\/)(\.|\/|$)/);
      },
    ),
    { numRuns: 2000 },
  );
});

test('every key of plain segments is accepted, and so is every beginning of it as a prefix', () => {
  fc.assert(
    fc.property(key, fc.nat(), (candidate, cut) => {
      expect(checkKey(candidate)).toBe(candidate);
      const prefix = candidate.slice(0, cut % (candidate.length + 1));
      expect(checkPrefix(prefix)).toBe(prefix);
      expect(checkDirectoryPrefix(`${candidate}/`)).toBe(`${candidate}/`);
    }),
  );
});

test.each(['', '/', '/a', 'a/', 'a//b', '.', '..', 'a/../b', 'a/./b', '.tmp/x', '.multipart/x', 'a/.b'])(
  'the key %j is refused',
  (candidate) => {
    expect(() => checkKey(candidate)).toThrow(expect.objectContaining({ reason: 'OBJECT_KEY_INVALID' }));
  },
);

test.each(['a b', 'a\\b', 'a\0', 'a\n', 'ü', 'a%2fb', 'a:b', 'x'.repeat(256), 'ab/'.repeat(200), 7, null])(
  'the key %j is refused',
  (candidate) => {
    expect(() => checkKey(candidate as string)).toThrow(
      expect.objectContaining({ reason: 'OBJECT_KEY_INVALID' }),
    );
    expect(() => checkPrefix(candidate as string)).toThrow(
      expect.objectContaining({ kind: 'invalid', reason: 'OBJECT_KEY_INVALID' }),
    );
  },
);

test.each(['', '/', 'a', '../', 'a//', '.tmp/'])('the prefix %j cannot be deleted', (prefix) => {
  expect(() => checkDirectoryPrefix(prefix)).toThrow(expect.objectContaining({ kind: 'invalid' }));
});

test('a key of 512 characters is the longest', () => {
  const longest = `${'a'.repeat(255)}/${'b'.repeat(250)}/ccccc`;
  expect(longest).toHaveLength(512);
  expect(isObjectKey(longest)).toBe(true);
  expect(isObjectKey(`${longest}c`)).toBe(false);
});

test('content types follow the extension', () => {
  expect(contentTypeOf('media/a/1.m4s')).toBe('video/iso.segment');
  expect(contentTypeOf('media/a/init.mp4')).toBe('video/mp4');
  expect(contentTypeOf('media/a/poster.JPG')).toBe('image/jpeg');
  expect(contentTypeOf('sources/ast_1.mp4/upl_1')).toBe('application/octet-stream');
  expect(contentTypeOf('a.constructor')).toBe('application/octet-stream');
});
