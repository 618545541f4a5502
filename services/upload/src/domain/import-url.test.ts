import { expect, test } from 'vitest';
import { checkedImportUrl, credentialsOf, fileNameOfDisposition, fileNameOfUrl } from './import-url.ts';

test.each([
  ['https://example.com/a/film.mp4?x=1', 'film.mp4'],
  ['https://example.com/', ''],
  ['https://example.com/%E2%82%AC%20rates.wav', '€ rates.wav'],
  ['https://example.com/..%2f..%2fetc%2fpasswd', 'passwd'],
  ['https://example.com/a%00b', 'ab'],
  ['https://example.com/%zz', '%zz'],
])('the name in %s', (url, name) => {
  expect(fileNameOfUrl(new URL(url))).toBe(name);
});

test.each([
  ['attachment; filename="a b.mp4"', 'a b.mp4'],
  ['attachment; filename=a.mp4', 'a.mp4'],
  [`attachment; filename="x"; filename*=UTF-8''%c3%bc.mp4`, 'ü.mp4'],
  ['attachment; filename="..\\\\..\\\\x"', 'x'],
  ['attachment; filename="../../x"', 'x'],
  ['attachment; filename=".."', ''],
  ['inline', ''],
  ['', ''],
])('the name in %j', (header, name) => {
  expect(fileNameOfDisposition(header)).toBe(name);
});

test('credentials become a header, unescaped', () => {
  const credentials = credentialsOf(new URL('https://ada:p%40ss@example.com/'));
  expect(credentials).toBe(`Basic ${Buffer.from('ada:p@ss').toString('base64')}`);
  expect(credentialsOf(new URL('https://example.com/'))).toBeUndefined();
});

test.each(['', 'x', '/a', 'ftp://example.com/', 'javascript:alert(1)', 'http://'])('%j is refused', (url) => {
  expect(() => checkedImportUrl(url)).toThrow(expect.objectContaining({ reason: 'IMPORT_URL_INVALID' }));
});
