import type { StyledText } from './web-vtt.ts';

/** One event of an ASS script. */
export interface AssEvent {
  readonly startMs: number;
  readonly endMs: number;
  /** The text field with its override codes. */
  readonly text: string;
}

const dialogue =
  /^Dialogue: ?[^,]*,(\d+):(\d\d):(\d\d)\.(\d\d),(\d+):(\d\d):(\d\d)\.(\d\d),(?:[^,]*,){6}(.*)$/;

/** Reads a line `Dialogue: …` as ffmpeg writes it; undefined for every other line. */
export function readAssEvent(line: string): AssEvent | undefined {
  const match = dialogue.exec(line);
  if (match === null) return undefined;
  const numbers = match.slice(1, 9).map(Number);
  const time = (at: number) => {
    const [hours = 0, minutes = 0, seconds = 0, hundredths = 0] = numbers.slice(at, at + 4);
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + hundredths * 10;
  };
  return { startMs: time(0), endMs: time(4), text: match[9] ?? '' };
}

/**
 * The text of an event with the styles that WebVTT has too: bold, italic, underlined. Drawings are left out
 * (http://www.tcax.org/docs/ass-specs.htm).
 */
export function readAssText(text: string): StyledText[] {
  const runs: StyledText[] = [];
  const style = { ...plain };
  let isDrawing = false;
  for (const [part, codes] of text.matchAll(/\{([^}]*)\}|\\[{}Nnh]|[^{\\]+|[{\\]/g)) {
    if (codes === undefined) {
      if (!isDrawing) runs.push({ ...style, text: literals[part] ?? part });
      continue;
    }
    for (const [, name, value = ''] of codes.matchAll(/\\(?:([biup])(\d*)(?![a-zA-Z(])|(r))/g)) {
      if (name === undefined) Object.assign(style, plain);
      else if (name === 'p') isDrawing = Number(value) > 0;
      else if (name === 'b') style.bold = value === '1' || Number(value) >= 600;
      else if (name === 'i') style.italic = value === '1';
      else style.underlined = value === '1';
    }
  }
  return runs;
}

const plain = { bold: false, italic: false, underlined: false };

const literals: Readonly<Record<string, string>> = {
  '\\N': '\n',
  '\\n': '\n',
  '\\h': '\u00a0',
  '\\{': '{',
  '\\}': '}',
};
