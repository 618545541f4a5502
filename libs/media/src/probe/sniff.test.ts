import { isKerkisError } from '@kerkis/errors';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sniffContainer } from './sniff.ts';

const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))),
  );
const tsPackets = (size: number, offset = 0) => {
  const file = Buffer.alloc(size * 6 + offset, 0xff);
  for (let packet = 0; packet < 6; packet++) file[offset + packet * size] = 0x47;
  return file;
};

test.each([
  ['mov', bytes([0, 0, 0, 32], 'ftypisom')],
  ['mov', bytes([0, 0, 0, 8], 'wide')],
  ['matroska', bytes([0x1a, 0x45, 0xdf, 0xa3, 1])],
  ['avi', bytes('RIFF', [1, 2, 3, 4], 'AVI LIST')],
  ['wav', bytes('RIFF', [1, 2, 3, 4], 'WAVEfmt ')],
  ['ogg', bytes('OggS', [0, 2])],
  ['flac', bytes('fLaC', [0])],
  ['flv', bytes('FLV', [1, 5])],
  ['mpeg', bytes([0, 0, 1, 0xba, 0x44])],
  ['mpegts', tsPackets(188)],
  ['mpegts', tsPackets(192, 4)],
  ['mp3', bytes('ID3', [3, 0, 0, 0, 0, 0, 2, 0, 0], [0xff, 0xfb, 0x90, 0, 0, 0, 0, 0, 0, 0])],
  ['aac', bytes([0xff, 0xf1, 0x50, 0x80, 0x01, 0x7f, 0xfc], Array(4).fill(0))],
  ['amr', bytes('#!AMR\n', [0x3c])],
])('%s by its first bytes', (container, head) => {
  expect(sniffContainer(head)).toBe(container);
});

test.each([
  ['The file is text.', 'hello, this is no film'],
  ['The file is a playlist', '#EXTM3U\n#EXTINF:9,\nfile:///etc/passwd\n'],
  ['The file only describes', 'ffconcat version 1.0\nfile /etc/passwd\n'],
  ['The file only describes', 'v=0\no=- 0 0 IN IP4 127.0.0.1\n'],
  ['The file is text.', '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'],
  ['The file is in no format', '\x7fELF\x02\x01\x01\0\0\0\0'],
])('%s …', (message, text) => {
  expect(() => sniffContainer(bytes(text))).toThrow(message);
});

test('nothing at all is empty', () => {
  expect(() => sniffContainer(Buffer.alloc(0))).toThrow('empty');
});

test('whatever the bytes are, the answer is a container or a typed error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 4096 }), (head) => {
      try {
        expect(sniffContainer(head)).toMatch(/^[a-z0-9]+$/);
      } catch (error) {
        expect(isKerkisError(error) && error.reason).toBe('SOURCE_NOT_MEDIA');
      }
    }),
  );
});
