import type { Output } from '../terminal.ts';

/** Lines at the end of a terminal that are drawn again and again. */
export interface LiveLines {
  draw(lines: readonly string[]): void;
  /** Takes the lines away, so that something else can be written. */
  clear(): void;
}

const upOneLine = '\x1b[1A';
const eraseBelow = '\x1b[0J';

/** On what is no terminal nothing is drawn. */
export function createLiveLines(output: Output): LiveLines {
  let drawn = 0;
  const rewind = () => `${upOneLine.repeat(drawn)}\r${eraseBelow}`;
  return {
    draw(lines) {
      if (!output.isTTY) return;
      // A line that wraps would take more rows than are rewound.
      const width = Math.max(20, (output.columns ?? 80) - 1);
      output.write(rewind() + lines.map((line) => `${line.slice(0, width)}\n`).join(''));
      drawn = lines.length;
    },
    clear() {
      if (drawn > 0) output.write(rewind());
      drawn = 0;
    },
  };
}
