import type { KerkisError } from '@kerkis/errors';

/** The `content-security-policy` of the notice: a style sheet and nothing else. */
export const noticePolicy =
  "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'";

/** A page for a person who opened a player page that does not play. Asks again by itself where that may help. */
export function noticePage({ kind, message }: Pick<KerkisError, 'kind' | 'message'>): string {
  const title = kind === 'unavailable' ? 'Not ready yet' : 'This does not play';
  const again = kind === 'unavailable' ? '<meta http-equiv="refresh" content="3">\n' : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark">
<meta name="robots" content="noindex">
${again}<title>${title}</title>
<link rel="icon" href="/play/assets/icon.svg">
<link rel="stylesheet" href="/play/assets/player.css">
</head>
<body>
<main>
<div class="stage">
<div class="failure" role="alert">
<p class="failure-title">${title}</p>
<p>${escapeHtml(message)}</p>
</div>
</div>
</main>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.toWellFormed().replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
