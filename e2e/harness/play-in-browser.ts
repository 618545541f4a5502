import type { Page } from 'playwright-core';

/** What is used of a media element. */
interface MediaElement {
  currentTime: number;
  playbackRate: number;
  readonly duration: number;
  readonly readyState: number;
  readonly videoWidth: number;
  readonly error: { readonly message: string } | null;
  play(): Promise<void>;
  addEventListener(event: string, listener: (event: unknown) => void, options?: { once: boolean }): void;
}

/** Seeks, plays at four times the speed until the element says that it ended, and tells what it then is like. */
export async function playToEnd(page: Page, fromSeconds: number) {
  return page.locator('#media').evaluate(async (media: MediaElement, from) => {
    const next = (event: string) =>
      new Promise((resolve, reject) => {
        media.addEventListener(event, resolve, { once: true });
        media.addEventListener('error', () => reject(new Error(media.error?.message)), { once: true });
      });
    // Players put the position at the start when they have loaded: only then a seek is one.
    if (media.readyState < 3) await next('canplay');
    if (from > 0) {
      const seeked = next('seeked');
      media.currentTime = from;
      await seeked;
    }
    const playedFrom = media.currentTime;
    const ended = next('ended');
    media.playbackRate = 4;
    await media.play();
    await ended;
    const { currentTime, duration, videoWidth, error } = media;
    return { currentTime, duration, videoWidth, playedFrom, error };
  }, fromSeconds);
}
