/** A result of a bench: tables, and remarks below them. */
export interface Report {
  readonly title: string;
  readonly tables: readonly Table[];
  readonly remarks: readonly string[];
}

/** Rows of cells; numbers are rounded to what can be read. */
interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** Writes a report as Markdown. */
export function markdown({ title, tables, remarks }: Report): string {
  const parts = [`## ${title}`, ...tables.map(tableText)];
  if (remarks.length > 0) parts.push(remarks.map((remark) => `- ${remark}`).join('\n'));
  return `${parts.join('\n\n')}\n`;
}

function tableText({ columns, rows }: Table): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.map(cellText).join(' | ')} |`;
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n');
}

function cellText(cell: string | number): string {
  if (typeof cell === 'string') return cell.replaceAll('|', '\\|');
  if (!Number.isFinite(cell)) return '–';
  if (Number.isInteger(cell)) return cell.toLocaleString('en');
  return Math.abs(cell) >= 100 ? cell.toFixed(0) : cell.toFixed(Math.abs(cell) >= 10 ? 1 : 2);
}

/** The middle value; of an even number the mean of the two in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1
    ? (sorted[Math.floor(middle)] as number)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** `✓` or `✗` after what was aimed at, for a last column. */
export function verdict(value: number, limit: number, kind: 'most' | 'least' = 'most'): string {
  const holds = kind === 'most' ? value <= limit : value >= limit;
  return `${kind === 'most' ? '≤' : '≥'} ${limit} ${holds ? '✓' : '✗'}`;
}
