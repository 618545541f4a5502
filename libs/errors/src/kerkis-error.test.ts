import { expect, test } from 'vitest';
import { errorKinds, isKerkisError, KerkisError, kindMapping, toKerkisError } from './index.ts';

test('every kind has a distinct rpc code', () => {
  const codes = errorKinds.map((kind) => kindMapping(kind).rpcCode);
  expect(new Set(codes).size).toBe(errorKinds.length);
});

test('what may be retried is delivered again, the rest is not', () => {
  for (const kind of errorKinds) {
    expect(kindMapping(kind).ack).toBe(kindMapping(kind).retryable ? 'nak' : 'term');
  }
});

test('a KerkisError passes through unchanged', () => {
  const error = new KerkisError('not_found', 'ASSET_NOT_FOUND', 'No such asset.', {
    details: { assetId: 'ast_1' },
  });
  expect(toKerkisError(error)).toBe(error);
  expect(isKerkisError(error)).toBe(true);
  expect(error.mapping.httpStatus).toBe(404);
});

test('a full disk is recognised', () => {
  const full = Object.assign(new Error('write ENOSPC'), { code: 'ENOSPC' });
  expect(toKerkisError(full)).toMatchObject({ kind: 'exhausted', reason: 'STORAGE_FULL', cause: full });
});

test('anything else is internal and keeps its cause on the server', () => {
  const error = toKerkisError('boom');
  expect(error).toMatchObject({ kind: 'internal', reason: 'INTERNAL', cause: 'boom' });
  expect(error.message).not.toContain('boom');
});
