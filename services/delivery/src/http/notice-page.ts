import type { KerkisError } from '@kerkis/errors';

/** The `content-security-policy` of the notice: a style sheet and nothing else. Who may embed it is added. */
export const noticePolicy =
  "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'";

interface Notice {
  readonly title: string;
  /** What whoever reads this can do. */
  readonly advice?: string;
}

const askAgain = 'Ask whoever gave you this link for a new one.';
const notices: Readonly<Record<string, Notice>> = {
  ASSET_NOT_PLAYABLE_YET: { title: 'Not ready yet', advice: 'This page looks again by itself.' },
  ASSET_FAILED: { title: 'This does not play' },
  PLAYBACK_ID_NOT_FOUND: { title: 'There is nothing here', advice: 'It may have been deleted.' },
  PLAYBACK_TOKEN_EXPIRED: { title: 'This link has expired', advice: askAgain },
  PLAYBACK_TOKEN_NOT_YET_VALID: { title: 'It has not begun', advice: 'Come back later.' },
};

function noticeOf({ kind, reason }: Pick<KerkisError, 'kind' | 'reason'>): Notice {
  const notice = notices[reason];
  if (notice) return notice;
  if (kind === 'forbidden') return { title: 'This link does not let you in', advice: askAgain };
  if (kind === 'unavailable')
    return { title: 'Back in a moment', advice: 'This page looks again by itself.' };
  return { title: 'This does not play' };
}

/** A page for a person who opened a player page that does not play. Asks again by itself where that may help. */
export function noticePage(error: Pick<KerkisError, 'kind' | 'reason' | 'message'>): string {
  const { title, advice } = noticeOf(error);
  const again = error.kind === 'unavailable' ? '<meta http-equiv="refresh" content="3">\n' : '';
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
<h1 class="failure-title">${title}</h1>
<p>${escapeHtml(error.message)}</p>
${advice ? `<p>${advice}</p>\n` : ''}</div>
</div>
</main>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.toWellFormed().replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
