import { Encryption, PlaybackPolicy } from '@kerkis/contracts/catalog';
import { KerkisError } from '@kerkis/errors';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseMetadata, specFromMetadata } from './upload-metadata.ts';

const encode = (entries: readonly (readonly [string, string])[]) =>
  entries.map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`).join(',');

test('what a client says about its file', () => {
  const header = encode([
    ['filename', 'film.mp4'],
    ['filetype', 'video/mp4'],
    ['profile', 'fast'],
    ['playbackPolicy', 'signed'],
    ['encryption', 'cbcs'],
    ['sha256', 'AB'.repeat(32)],
    ['meta.owner', 'Ada'],
    ['relativePath', 'null'],
  ]);
  expect(specFromMetadata(header)).toMatchObject({
    title: 'film.mp4',
    fileName: 'film.mp4',
    contentType: 'video/mp4',
    profile: 'fast',
    playbackPolicy: PlaybackPolicy.SIGNED,
    encryption: Encryption.CBCS,
    sha256: 'ab'.repeat(32),
    metadata: { owner: 'Ada' },
  });
  expect(specFromMetadata('')).toMatchObject({ title: '', fileName: '' });
});

test('keys without a value, unpadded values and spaces between pairs are taken', () => {
  expect([...parseMetadata('is_confidential, filename YQ')]).toEqual([
    ['is_confidential', ''],
    ['filename', 'a'],
  ]);
});

test('well-formed pairs come back as they were', () => {
  const key = fc.stringMatching(/^[a-zA-Z0-9._-]{1,40}$/);
  const value = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => text.isWellFormed());
  const pairs = fc.uniqueArray(fc.tuple(key, value), { maxLength: 10, selector: ([name]) => name });
  fc.assert(
    fc.property(pairs, (entries) => {
      expect([...parseMetadata(encode(entries))]).toEqual(entries);
    }),
  );
});

test('any other header is refused with a reason, never by a crash', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ maxLength: 300 }), fc.string({ unit: 'binary', maxLength: 300 })),
      (header) => {
        try {
          specFromMetadata(header);
        } catch (error) {
          expect(error).toBeInstanceOf(KerkisError);
          expect((error as KerkisError).kind).toBe('invalid');
        }
      },
    ),
  );
});
