const escapeHtml = (text) =>
  text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Fills in the code that puts this player on another page, and copies it. */
export function offerEmbedCode(share, title) {
  const code = share.querySelector('textarea');
  const told = share.querySelector('[role=status]');
  const source = new URL(share.dataset.path, window.location.href).href;
  code.value =
    `<iframe src="${escapeHtml(source)}" title="${escapeHtml(title)}" width="640" height="360" frameborder="0" loading="lazy" ` +
    'allow="autoplay; fullscreen; picture-in-picture" allowfullscreen></iframe>';
  share.querySelector('button').addEventListener('click', async () => {
    code.select();
    try {
      await navigator.clipboard.writeText(code.value);
      told.textContent = 'Copied.';
    } catch {
      told.textContent = 'It is selected: copy it with your keyboard.';
    }
  });
  share.hidden = false;
}
