import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodePageToken, encodePageToken } from './page-token.ts';

const text = fc.string({ unit: 'binary', maxLength: 20 });

test('a token yields the position it was made from', () => {
  fc.assert(
    fc.property(text, text, text, (query, key, id) => {
      const token = encodePageToken(query, { key, id });
      expect(token).toMatch(/^[\w-]+$/);
      expect(decodePageToken(query, token)).toMatchObject({ key, id });
      expect(() => decodePageToken(`${query}x`, token)).toThrow(
        expect.objectContaining({ reason: 'PAGE_TOKEN_INVALID' }),
      );
    }),
  );
});

test('anything else is refused', () => {
  const junk = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json().map((json) => Buffer.from(json).toString('base64url')),
  );
  fc.assert(
    fc.property(junk, (token) => {
      expect(() => decodePageToken('q', token)).toThrow(
        expect.objectContaining({ reason: 'PAGE_TOKEN_INVALID' }),
      );
    }),
  );
});
