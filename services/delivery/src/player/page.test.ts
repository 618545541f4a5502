import { DOMParser } from '@xmldom/xmldom';
import { describe, expect, test } from 'vitest';
import { playerAsset } from './assets.ts';
import { playerNonce, playerPage, playerPolicy } from './page.ts';

const nonce = 'abcdefghijklmnop0123';
const options = { playbackId: 'pb_1', title: 'A film', base: '/v/pb_1', nonce };

const document = (html: string) => new DOMParser({ onError: () => {} }).parseFromString(html, 'text/html');
const attribute = (html: string, tag: string, name: string) =>
  document(html).getElementsByTagName(tag)[0]?.getAttribute(name);

describe('playerPage', () => {
  test('names the manifest, the poster and the title', () => {
    const html = playerPage({ ...options, poster: true, query: 'token=a&b' });
    expect(attribute(html, 'video', 'data-source')).toBe('/v/pb_1/master.m3u8?token=a&b');
    expect(attribute(html, 'video', 'poster')).toBe('/v/pb_1/poster.jpg?token=a&b');
    expect(attribute(html, 'video', 'aria-label')).toBe('A film');
    expect(document(html).getElementsByTagName('h1')[0]?.textContent).toBe('A film');
    expect(attribute(playerPage({ ...options, dash: true }), 'video', 'data-source')).toBe(
      '/v/pb_1/manifest.mpd',
    );
    expect(document(playerPage({ ...options, title: ' ' })).getElementsByTagName('h1')[0]?.textContent).toBe(
      'pb_1',
    );
  });

  test('every script is external and carries the nonce of the policy', () => {
    for (const dash of [false, true]) {
      const scripts = [...document(playerPage({ ...options, dash })).getElementsByTagName('script')];
      expect(scripts.map((script) => script.getAttribute('src'))).toEqual([
        `/play/assets/${dash ? 'dash' : 'hls'}.js`,
        '/play/assets/player.js',
      ]);
      for (const script of scripts) {
        expect(script.getAttribute('nonce')).toBe(nonce);
        expect(script.textContent).toBe('');
      }
    }
    expect(playerPolicy(options)).toBe(
      "default-src 'none'; script-src 'nonce-abcdefghijklmnop0123'; style-src 'self'; img-src 'self'; " +
        "media-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'",
    );
    expect(playerPolicy({ ...options, base: 'https://cdn.test:8443/v/pb_1' })).toContain(
      "connect-src 'self' https://cdn.test:8443;",
    );
  });

  test('hostile text stays text', () => {
    const title = '</title><script>alert(1)</script>"><img src=x onerror=alert(1)> \'&amp;';
    const html = playerPage({ ...options, title, query: '"><script>' });
    expect(document(html).getElementsByTagName('h1')[0]?.textContent).toBe(title);
    expect(document(html).getElementsByTagName('title')[0]?.textContent).toBe(title);
    expect(attribute(html, 'video', 'data-source')).toBe('/v/pb_1/master.m3u8?"><script>');
    expect(document(html).getElementsByTagName('script')).toHaveLength(2);
    expect(document(html).getElementsByTagName('img')).toHaveLength(0);
  });

  test.each(['javascript:alert(1)', '//evil.test/v/x', '/\\evil.test', 'v/pb_1', ''])(
    'base %j is refused',
    (base) => {
      expect(() => playerPage({ ...options, base })).toThrow(RangeError);
      expect(() => playerPolicy({ ...options, base })).toThrow(RangeError);
    },
  );

  test('a nonce that could leave the policy is refused, ours never is', () => {
    expect(() => playerPolicy({ ...options, nonce: "x'; script-src *; x" })).toThrow(RangeError);
    expect(() => playerPage({ ...options, nonce: '' })).toThrow(RangeError);
    expect(playerPolicy({ ...options, nonce: playerNonce() })).toContain('nonce-');
  });
});

describe('playerAsset', () => {
  test.each([
    ['player.js', 'text/javascript; charset=utf-8', 'data-source'],
    ['player.css', 'text/css; charset=utf-8', '.failure'],
    ['icon.svg', 'image/svg+xml', '<svg'],
    ['hls.js', 'text/javascript; charset=utf-8', 'Hls'],
    ['dash.js', 'text/javascript; charset=utf-8', 'dashjs'],
  ])('%s', async (name, contentType, content) => {
    const asset = await playerAsset(name);
    expect(asset?.contentType).toBe(contentType);
    expect(asset?.bytes.includes(content)).toBe(true);
    expect(asset?.etag).toMatch(/^"[\w-]{22}"$/);
    expect(await playerAsset(name)).toBe(asset);
  });

  test.each(['', '../page.ts', 'constructor', 'player.js/..', 'hls.min.js'])('%j is none', async (name) => {
    expect(await playerAsset(name)).toBeUndefined();
  });
});
