import type { Page } from 'playwright-core';

/** What a player shows of a place while somebody scrubs. */
export interface Scrubbed {
  readonly width: number;
  readonly height: number;
  /** Address of a sprite; empty of a picture of the video itself. */
  readonly url: string;
}

interface Video {
  muted: boolean;
  readonly videoWidth: number;
  readonly videoHeight: number;
  readonly readyState: number;
}

/** The globals of the pages of `player-pages.ts`, of which tests use a little. */
interface PageGlobals {
  readonly document: { createElement(tag: 'video'): Video; readonly body: { append(video: Video): void } };
  // biome-ignore lint/suspicious/noExplicitAny: three players with APIs of their own
  readonly player: any;
}

/** hls.js loads a single picture from the I-frame playlist, and shows it in a video element beside the film. */
export function scrubInHls(page: Page, atSeconds: number): Promise<Scrubbed> {
  return page.evaluate(async (at) => {
    const { document, player } = globalThis as unknown as PageGlobals;
    // Single pictures are put where the film is: that has to be known.
    while (player.iframeVariants.length === 0 || player.media.readyState < 3)
      await new Promise((resolve) => setTimeout(resolve, 50));
    const preview = document.createElement('video');
    preview.muted = true;
    document.body.append(preview);
    const pictures = player.createIFramePlayer();
    pictures.attachMedia(preview);
    pictures.loadMediaAt(at);
    while (preview.readyState < 2) await new Promise((resolve) => setTimeout(resolve, 50));
    return { width: preview.videoWidth, height: preview.videoHeight, url: '' };
  }, atSeconds);
}

/** dash.js tells which part of which sprite to show. */
export function scrubInDash(page: Page, atSeconds: number): Promise<Scrubbed> {
  return page.evaluate(async (at) => {
    const { player } = globalThis as unknown as PageGlobals;
    while (!player.isReady() || player.getTracksFor('image').length === 0)
      await new Promise((resolve) => setTimeout(resolve, 50));
    return new Promise((resolve) => {
      player.provideThumbnail(at, ({ width, height, url }: Scrubbed) => resolve({ width, height, url }));
    });
  }, atSeconds);
}

/** So does shaka-player. */
export function scrubInShaka(page: Page, atSeconds: number): Promise<Scrubbed> {
  return page.evaluate(async (at) => {
    const { player } = globalThis as unknown as PageGlobals;
    for (;;) {
      const [track] = player.getImageTracks();
      const found = track && (await player.getThumbnails(track.id, at));
      if (found) return { width: found.width, height: found.height, url: found.uris[0] };
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }, atSeconds);
}
