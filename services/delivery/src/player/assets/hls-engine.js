/* global Hls */

/** How often in a row the network may fail before the player gives up, and how long it waits at most in between. */
const maxAttempts = 8;
const longestWaitMs = 15_000;

/** Plays HLS by Media Source Extensions. `told` hears of failures: `told(code, isFatal, text)`. */
export function playHls({ media, source, startSeconds, lists, told }) {
  const base = Hls.DefaultConfig.fragLoadPolicy.default;
  const hls = new Hls({
    enableWorker: false,
    capLevelToPlayerSize: true,
    startPosition: startSeconds ?? -1,
    // A segment that is not encoded yet is encoded when it is asked for: wait for it.
    fragLoadPolicy: { default: { ...base, maxTimeToFirstByteMs: 45_000 } },
  });
  const stopped = new AbortController();
  let attempts = 0;
  let recoveredAt = Number.NEGATIVE_INFINITY;
  let isLoaded = false;

  hls.on(Hls.Events.MANIFEST_PARSED, () => {
    isLoaded = true;
    const levels = hls.levels
      .map(({ width, height, bitrate }, index) => ({ id: String(index), width, height, bitrate }))
      .filter(({ height }) => height > 0);
    lists.videoRenditions.offer(levels, (id) => {
      // Who chooses wants to see it: what is buffered in another quality goes.
      if (id === undefined) hls.nextLevel = -1;
      else hls.currentLevel = Number(id);
    });
  });
  hls.on(Hls.Events.AUDIO_TRACKS_UPDATED, (_, { audioTracks }) => {
    const entries = audioTracks.map(({ name, lang }, index) => ({
      id: String(index),
      label: name,
      language: lang,
    }));
    const enabled = Math.max(0, hls.audioTrack);
    lists.audioTracks.offer(entries, String(enabled), (id) => {
      hls.audioTrack = Number(id);
    });
  });
  hls.on(Hls.Events.FRAG_BUFFERED, () => {
    attempts = 0;
  });

  async function loadAgain() {
    attempts += 1;
    await untilWorthwhile(Math.min(longestWaitMs, 500 * 2 ** attempts), stopped.signal);
    if (stopped.signal.aborted) return;
    if (isLoaded) hls.startLoad();
    else hls.loadSource(source);
  }

  hls.on(Hls.Events.ERROR, (_, { fatal, type, details, response, error }) => {
    if (!fatal) return;
    const text = error?.message || details;
    if (type === Hls.ErrorTypes.NETWORK_ERROR) {
      const status = response?.code ?? 0;
      const isRefused = status >= 400 && status < 500 && status !== 408 && status !== 429;
      const mayCome = !isRefused && attempts < maxAttempts && details !== 'manifestParsingError';
      told(isRefused ? 'refused' : details.startsWith('manifest') ? 'manifest' : 'network', !mayCome, text);
      if (mayCome) void loadAgain();
      return;
    }
    const now = performance.now();
    const mayRecover = type === Hls.ErrorTypes.MEDIA_ERROR && now - recoveredAt > 5000;
    told(type === Hls.ErrorTypes.MEDIA_ERROR ? 'media' : 'unknown', !mayRecover, text);
    if (!mayRecover) return;
    recoveredAt = now;
    hls.recoverMediaError();
  });
  hls.loadSource(source);
  hls.attachMedia(media);
  return () => {
    stopped.abort();
    hls.destroy();
  };
}

/** Waits a while, or less when the network comes back before. */
function untilWorthwhile(ms, signal) {
  return new Promise((resolve) => {
    const ended = new AbortController();
    const done = () => {
      ended.abort();
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(done, ms);
    window.addEventListener('online', done, { signal: ended.signal });
    signal.addEventListener('abort', done, { signal: ended.signal });
  });
}
