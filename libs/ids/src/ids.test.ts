import { expect, test } from 'vitest';
import { isId, newId } from './index.ts';

test('ids of one prefix sort by creation', () => {
  const ids = Array.from({ length: 1000 }, () => newId('ast'));
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(1000);
});

test('an id is recognised by its own prefix only', () => {
  expect(isId('ast', newId('ast'))).toBe(true);
  expect(isId('ast', newId('gen'))).toBe(false);
  expect(isId('ast', 'ast_../../etc/passwd')).toBe(false);
});
