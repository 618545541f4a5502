import { stripVTControlCharacters } from 'node:util';

/** Text from elsewhere, safe on a terminal: no escape sequences, no line breaks, no direction overrides. */
export function plain(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
}

/** `1.5 GB` */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `1:02:03`, `2:03.4` */
export function formatDuration(durationMs: number): string {
  const tenths = Math.round(durationMs / 100);
  const hours = Math.floor(tenths / 36_000);
  const minutes = Math.floor(tenths / 600) % 60;
  const seconds = Math.floor(tenths / 10) % 60;
  const two = (value: number) => `${value}`.padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}.${tenths % 10}`;
}

/** `2026-01-31 12:00:00` in the local time zone, or nothing. */
export function formatTime(date: Date | undefined): string {
  return date === undefined ? '' : date.toLocaleString('sv-SE');
}

/** Rows below a heading, in columns; the last one is as long as it likes. */
export function formatTable(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

/** `name  value` lines; empty values are left out. */
export function formatFields(fields: readonly (readonly [string, string])[]): string {
  const width = Math.max(...fields.map(([name]) => name.length));
  return fields
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name.padEnd(width)}  ${value}\n`)
    .join('');
}

/** `[######------]  50 %` */
export function formatBar(share: number, width = 30): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * width);
  const percent = Math.floor(Math.min(1, Math.max(0, share)) * 100);
  return `[${'#'.repeat(filled)}${'-'.repeat(width - filled)}] ${`${percent}`.padStart(3)} %`;
}
