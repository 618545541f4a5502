/** Lets the browser play HLS by itself: where there are no Media Source Extensions. */
export function playNative({ media, source, startSeconds, told }) {
  const codes = { 2: 'network', 3: 'media', 4: 'unsupported' };
  const failed = () =>
    told(
      codes[media.error?.code] ?? 'unknown',
      true,
      media.error?.message || 'The browser cannot play this.',
    );
  const seek = () => {
    if (startSeconds !== undefined) media.currentTime = startSeconds;
  };
  media.addEventListener('error', failed);
  media.addEventListener('loadedmetadata', seek, { once: true });
  media.src = source;
  return () => {
    media.removeEventListener('error', failed);
    media.removeEventListener('loadedmetadata', seek);
    media.removeAttribute('src');
    media.load();
  };
}
