/** A piece of text in one style. */
export interface StyledText {
  readonly text: string;
  readonly bold?: boolean;
  readonly italic?: boolean;
  readonly underlined?: boolean;
}

/** One cue. */
export interface Cue {
  readonly startMs: number;
  readonly endMs: number;
  /** What `cueText` made. */
  readonly text: string;
}

/** `01:02:03.456`. */
export function vttTime(ms: number): string {
  const two = (value: number) => `${Math.floor(value)}`.padStart(2, '0');
  const rest = `${Math.floor(ms % 1000)}`.padStart(3, '0');
  return `${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1000) % 60)}.${rest}`;
}

/** A WebVTT file of these cues in this order (https://www.w3.org/TR/webvtt1/). */
export function webVtt(cues: readonly Cue[]): string {
  const blocks = cues.map(
    ({ startMs, endMs, text }) => `${vttTime(startMs)} --> ${vttTime(endMs)}\n${text}\n`,
  );
  return ['WEBVTT\n', ...blocks].join('\n');
}

/**
 * Text as it stands in a cue: escaped, without control characters and without empty lines, which would end the cue; `''` when nothing
 * is left to see.
 */
export function cueText(runs: readonly StyledText[]): string {
  const joined: { text: string; tags: string }[] = [];
  for (const run of runs) {
    const tags = `${run.bold ? 'b' : ''}${run.italic ? 'i' : ''}${run.underlined ? 'u' : ''}`;
    const last = joined.at(-1);
    if (last?.tags === tags) last.text += run.text;
    else joined.push({ text: run.text, tags });
  }
  // Characters that Unicode leaves to programs stand for tags until the rest is escaped.
  const marked = joined.map(({ text, tags }) => {
    const lines = text.replaceAll(invisible, '').split(/[\r\n\u2028\u2029]+/);
    return lines.map((line) => (line.trim() === '' ? line : inTags(line, tags))).join('\n');
  });
  const lines = marked.join('').split('\n');
  return lines
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/\ufdd0([biu])/g, '<$1>')
    .replaceAll(/\ufdd1([biu])/g, '</$1>');
}

function inTags(text: string, tags: string): string {
  return tags.split('').reduceRight((inner, tag) => `\ufdd0${tag}${inner}\ufdd1${tag}`, text);
}

/** Control characters but line ends and tabs, byte order marks, what stands for broken text, and our own marks. */
const invisible = /(?![\t\r\n])[\p{Cc}\ufeff\ufffd\ufdd0\ufdd1]/gu;
