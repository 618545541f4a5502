/** The candidate that `word` most likely meant: one begins with the other, or at most a third is mistyped. */
export function suggestion(word: string, candidates: readonly string[]): string | undefined {
  const lower = word.slice(0, 128).toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(lower.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = distanceOf(lower, candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function distanceOf(word: string, candidate: string): number {
  const shorter = Math.min(word.length, candidate.length);
  const abbreviated = shorter >= 3 && word.slice(0, shorter) === candidate.slice(0, shorter);
  return abbreviated ? Math.min(1.5, editDistance(word, candidate)) : editDistance(word, candidate);
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
