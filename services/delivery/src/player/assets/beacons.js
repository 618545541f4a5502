/** Most beacons of one page, and how far those of one kind are apart. */
const maxBeacons = 60;
const gatherMs = 10_000;
/** What nobody notices. Browsers wait so long at the end, too. */
const leastStallMs = 50;

/**
 * Tells the server of the first frame, of stalls, of failures and of the time watched; nothing of who watches. Returns a function
 * to tell of a failure with.
 */
export function sendBeacons({ media, url, player }) {
  let left = maxBeacons;
  const send = (beacon) => {
    if (left === 0) return;
    left -= 1;
    const body = JSON.stringify({ ...beacon, player });
    if (navigator.sendBeacon?.(url, body)) return;
    fetch(url, { method: 'POST', body, keepalive: true }).catch(() => {});
  };

  // Who lets it play by itself wants to watch from the beginning of the page.
  let wantedAt = media.autoplay ? 0 : undefined;
  let isShown = false;
  const shown = () => {
    if (isShown) return;
    isShown = true;
    const now = performance.now();
    send({
      event: 'first_frame',
      startupMs: Math.round(now - (wantedAt ?? now)),
      sincePageMs: Math.round(now),
      width: media.videoWidth,
      height: media.videoHeight,
    });
  };
  media.addEventListener('play', () => {
    wantedAt ??= performance.now();
  });
  media.addEventListener('playing', () => {
    if (isShown) return;
    if (media.videoWidth > 0 && media.requestVideoFrameCallback) media.requestVideoFrameCallback(shown);
    else shown();
  });

  const stalls = { count: 0, durationMs: 0 };
  const watched = { durationMs: 0 };
  let stalledAt;
  let playingAt;
  let sentAt = Number.NEGATIVE_INFINITY;
  const endStall = () => {
    const durationMs = performance.now() - (stalledAt ?? performance.now());
    stalledAt = undefined;
    if (durationMs < leastStallMs) return;
    stalls.count += 1;
    stalls.durationMs += durationMs;
  };
  const endPlaying = () => {
    if (playingAt === undefined) return;
    watched.durationMs += performance.now() - playingAt;
    playingAt = undefined;
  };
  const flush = () => {
    sentAt = performance.now();
    if (stalls.count > 0) {
      send({ event: 'stall', count: stalls.count, durationMs: Math.round(stalls.durationMs) });
      stalls.count = 0;
      stalls.durationMs = 0;
    }
    if (watched.durationMs >= 1) {
      send({ event: 'watched', durationMs: Math.round(watched.durationMs) });
      watched.durationMs = 0;
    }
  };
  media.addEventListener('waiting', () => {
    endPlaying();
    // Waiting after a seek is what whoever seeks expects.
    if (isShown && !media.seeking && !media.paused) stalledAt ??= performance.now();
  });
  media.addEventListener('playing', () => {
    endStall();
    playingAt ??= performance.now();
    if (stalls.count > 0 && performance.now() - sentAt > gatherMs) flush();
  });
  for (const event of ['pause', 'seeking', 'ended', 'emptied']) {
    media.addEventListener(event, () => {
      endStall();
      endPlaying();
      if (event === 'ended') flush();
    });
  }
  const leave = () => {
    const isPlaying = playingAt !== undefined;
    endPlaying();
    flush();
    if (isPlaying) playingAt = performance.now();
  };
  document.addEventListener('visibilitychange', () => document.visibilityState === 'hidden' && leave());
  window.addEventListener('pagehide', leave);

  return (code, fatal) => send({ event: 'error', code, fatal });
}
