import { DOMParser } from '@xmldom/xmldom';
import { describe, expect, test } from 'vitest';
import { assetVersion, playerAsset } from './assets.ts';
import { playerPage } from './page.ts';
import { playerNonce, playerPolicy } from './page-policy.ts';
import { playerView } from './view.ts';

const nonce = 'abcdefghijklmnop0123';
const options = { playbackId: 'pb_1', title: 'A film', base: '/v/pb_1', nonce, embedOrigins: ['*'] };

const document = (html: string) => new DOMParser({ onError: () => {} }).parseFromString(html, 'text/html');
const elements = (html: string, tag: string) => [...document(html).getElementsByTagName(tag)];
const attribute = (html: string, tag: string, name: string) => elements(html, tag)[0]?.getAttribute(name);

describe('playerPage', () => {
  test('names the manifest, the beacon, what lies beside them, and the title', async () => {
    const has = { poster: true, storyboard: true, waveform: true };
    const html = await playerPage({ ...options, has, query: 'token=a&b' });
    expect(attribute(html, 'video', 'data-source')).toBe('/v/pb_1/master.m3u8?token=a&b');
    expect(attribute(html, 'video', 'data-beacon')).toBe('/v/pb_1/beacon?token=a&b');
    expect(attribute(html, 'video', 'poster')).toBe('/v/pb_1/poster.jpg?token=a&b');
    expect(attribute(html, 'track', 'src')).toBe('/v/pb_1/storyboard.vtt?token=a&b');
    expect(attribute(html, 'video', 'aria-label')).toBe('A film');
    expect(elements(html, 'h1')[0]?.textContent).toBe('A film');
    expect(elements(html, 'canvas')).toEqual([]);
    const sound = await playerPage({ ...options, has, audioOnly: true });
    expect(attribute(sound, 'canvas', 'data-source')).toBe('/v/pb_1/waveform.json');
    expect(elements(sound, 'media-fullscreen-button')).toEqual([]);
    expect(elements(await playerPage({ ...options, title: ' ' }), 'h1')[0]?.textContent).toBe('pb_1');
  });

  test('does what its address asks for', async () => {
    const of = async (query: string) =>
      playerPage({ ...options, shareable: true, view: playerView(new URLSearchParams(query)) });
    const plain = await of('');
    expect(attribute(plain, 'video', 'data-engine')).toBe('hls');
    for (const name of ['autoplay', 'muted', 'loop', 'data-start'])
      expect(elements(plain, 'video')[0]?.hasAttribute(name)).toBe(false);
    expect(attribute(plain, 'details', 'data-path')).toBe('/play/pb_1?embed');
    const asked = await of('player=dash&embed&autoplay&muted=1&loop=true&t=1m30s');
    expect(attribute(asked, 'video', 'data-source')).toBe('/v/pb_1/manifest.mpd');
    expect(attribute(asked, 'html', 'class')).toBe('framed');
    expect(elements(asked, 'details')).toEqual([]);
    for (const name of ['autoplay', 'muted', 'loop'])
      expect(elements(asked, 'video')[0]?.hasAttribute(name)).toBe(true);
    expect(attribute(asked, 'video', 'data-start')).toBe('90');
  });

  test('every script is external and carries the nonce of the policy', async () => {
    const version = await assetVersion();
    for (const dash of [false, true]) {
      const scripts = elements(await playerPage({ ...options, view: { dash } }), 'script');
      const names = ['shadow-styles.js', dash ? 'dash.js' : 'hls.js', 'player.js', 'media-chrome.js'];
      expect(scripts.map((script) => script.getAttribute('src'))).toEqual(
        names.map((name) => `/play/assets/${version}/${name}`),
      );
      for (const script of scripts) {
        expect(script.getAttribute('nonce')).toBe(nonce);
        expect(script.textContent).toBe('');
      }
    }
    expect(await playerPage(options)).not.toMatch(/ style=|<style| on[a-z]+=/);
    expect(playerPolicy(options)).toBe(
      "default-src 'none'; script-src 'nonce-abcdefghijklmnop0123'; style-src 'self' 'nonce-abcdefghijklmnop0123'; " +
        "img-src 'self'; media-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
        'frame-ancestors *',
    );
    expect(playerPolicy({ ...options, base: 'https://cdn.test:8443/v/pb_1' })).toContain(
      "connect-src 'self' https://cdn.test:8443;",
    );
  });

  test('hostile text stays text', async () => {
    const title = '</title><script>alert(1)</script>"><img src=x onerror=alert(1)> \'&amp;';
    const html = await playerPage({ ...options, title, query: '"><script>' });
    expect(elements(html, 'h1')[0]?.textContent).toBe(title);
    expect(elements(html, 'title')[0]?.textContent).toBe(title);
    expect(attribute(html, 'video', 'data-source')).toBe('/v/pb_1/master.m3u8?"><script>');
    expect(elements(html, 'script')).toHaveLength(4);
    expect(elements(html, 'img')).toHaveLength(0);
  });

  test.each(['javascript:alert(1)', '//evil.test/v/x', '/\\evil.test', 'v/pb_1', ''])(
    'base %j is refused',
    async (base) => {
      await expect(playerPage({ ...options, base })).rejects.toThrow(RangeError);
      expect(() => playerPolicy({ ...options, base })).toThrow(RangeError);
    },
  );

  test('a nonce that could leave the policy is refused, ours never is', async () => {
    expect(() => playerPolicy({ ...options, nonce: "x'; script-src *; x" })).toThrow(RangeError);
    await expect(playerPage({ ...options, nonce: '' })).rejects.toThrow(RangeError);
    expect(playerPolicy({ ...options, nonce: playerNonce() })).toContain('nonce-');
  });

  test('may be embedded by those who are named', () => {
    const of = (...embedOrigins: string[]) =>
      playerPolicy({ ...options, embedOrigins })
        .split('; ')
        .at(-1);
    expect(of()).toBe("frame-ancestors 'self'");
    expect(of('https://a.example.com', 'https://*.example.org:8443')).toBe(
      "frame-ancestors 'self' https://a.example.com https://*.example.org:8443",
    );
    expect(() => of('https://a.example.com; script-src *')).toThrow(RangeError);
  });
});

describe('playerView', () => {
  test.each([
    ['t=90', 90],
    ['t=90s', 90],
    ['t=1.5', 1.5],
    ['t=1m30s', 90],
    ['t=2h', 7200],
    ['t=1h2m3s', 3723],
    ['t=0', undefined],
    ['t=', undefined],
    ['t=-5', undefined],
    ['t=abc', undefined],
    ['t=99999999', undefined],
    ['t=999999', undefined],
    ['', undefined],
  ])('%s begins at %s', (query, seconds) => {
    expect(playerView(new URLSearchParams(query)).startSeconds).toBe(seconds);
  });

  test.each([
    ['loop', true],
    ['loop=1', true],
    ['loop=0', false],
    ['loop=False', false],
    ['', false],
  ])('%s is %s', (query, loop) => {
    expect(playerView(new URLSearchParams(query)).loop).toBe(loop);
  });
});

describe('playerAsset', () => {
  test.each([
    ['player.js', 'text/javascript; charset=utf-8', 'data-source'],
    ['player.css', 'text/css; charset=utf-8', '.failure'],
    ['icon.svg', 'image/svg+xml', '<svg'],
    ['hls.js', 'text/javascript; charset=utf-8', 'Hls'],
    ['dash.js', 'text/javascript; charset=utf-8', 'dashjs'],
    ['media-chrome.js', 'text/javascript; charset=utf-8', 'media-settings-menu'],
  ])('%s', async (name, contentType, content) => {
    const asset = await playerAsset(name);
    expect(asset?.contentType).toBe(contentType);
    expect(asset?.bytes.includes(content)).toBe(true);
    expect(asset?.etag).toMatch(/^"[\w-]{22}"$/);
    expect(await playerAsset(name)).toBe(asset);
  });

  test('whatever a script imports is there', async () => {
    const player = (await playerAsset('player.js'))?.bytes.toString() ?? '';
    const imported = [...player.matchAll(/from '\.\/([^']+)'/g)].map(([, name = '']) => name);
    expect(imported.length).toBeGreaterThan(5);
    for (const name of imported) expect(await playerAsset(name), name).toBeDefined();
  });

  test('names no other host', async () => {
    const page = await playerPage({ ...options, has: { poster: true } });
    expect(page).not.toMatch(/https?:/);
  });

  test.each(['', '../page.ts', 'constructor', 'player.js/..', 'hls.min.js'])('%j is none', async (name) => {
    expect(await playerAsset(name)).toBeUndefined();
  });
});
