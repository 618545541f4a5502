import { expect, test } from 'vitest';
import { lasting, revisable } from './caching.ts';

const keeping = {
  playing: { playbackId: 'pbk_1' },
  generation: { id: 'gen_1', assetId: 'ast_1', complete: true },
  grant: { isPrivate: false },
  pinned: true,
};
const encoding = { ...keeping, generation: { ...keeping.generation, complete: false } };
const signed = { ...keeping, grant: { isPrivate: true } };
const keys = { 'surrogate-key': 'ast_1 pbk_1 gen_1', 'cache-tag': 'ast_1,pbk_1,gen_1' };

test('what names its generation never changes, and can be purged by any of its names', () => {
  const forever = { 'cache-control': 'public, max-age=31536000, immutable', ...keys };
  expect(lasting(keeping, 10)).toEqual(forever);
  expect(lasting(encoding, 10)).toEqual(forever);
  expect(lasting({ ...keeping, pinned: false }, 10)).toEqual(revisable(keeping, 10));
});

test('manifests are short, and shared caches may bridge the time in which they ask again', () => {
  expect(revisable(keeping, 10)).toEqual({
    'cache-control': 'public, max-age=10, stale-while-revalidate=60, stale-if-error=86400',
    ...keys,
  });
  expect(revisable(keeping, 600)['cache-control']).toMatch(/^public, max-age=60, /);
  expect(revisable(encoding, 10)['cache-control']).toBe(
    'public, max-age=1, stale-while-revalidate=4, stale-if-error=60',
  );
  expect(revisable(keeping, 0)['cache-control']).toBe('public, max-age=0');
});

test('what is signed is for the viewer alone: shared caches keep nothing of it that could be purged', () => {
  expect(lasting(signed, 10)).toEqual({ 'cache-control': 'private, max-age=31536000, immutable' });
  expect(revisable(signed, 10)).toEqual({ 'cache-control': 'private, max-age=10' });
});
