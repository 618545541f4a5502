import { expect, test } from 'vitest';
import { idForRequest, isId, newId } from './index.ts';

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

test('the same request id gives the same id, none a new one', () => {
  expect(idForRequest('ast', 'r')).toBe(idForRequest('ast', 'r'));
  expect(idForRequest('ast', 'r').slice(4)).not.toBe(idForRequest('gen', 'r').slice(4));
  expect(isId('upl', idForRequest('upl', 'r'))).toBe(true);
  expect(idForRequest('ast', '')).not.toBe(idForRequest('ast', ''));
});
