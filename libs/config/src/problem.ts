import { KerkisError } from '@kerkis/errors';

/** Path of a key; numbers are positions in lists. */
export type KeyPath = readonly (string | number)[];

/** One thing that is wrong with a configuration. */
export interface Problem {
  /** The key as a person writes it: `profiles.default.renditions[0].crf`. Empty for the whole file. */
  readonly key: string;
  /** Where it was given: `kerkis.yaml:3:5`, or the name of a variable. Absent for defaults. */
  readonly where?: string;
  /** What is wrong and what is allowed. */
  readonly text: string;
}

/** A path as a person writes it. */
export function keyText(path: KeyPath): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`))
    .join('');
}

/** A given value, short enough for a message. Secrets are not shown. */
export function valueText(value: unknown, secret: boolean): string {
  if (secret) return '(a secret, not shown)';
  const json = JSON.stringify(value) ?? String(value);
  return json.length > 80 ? `${json.slice(0, 77)}...` : json;
}

/** All problems as one error: `invalid CONFIG_INVALID`, a line for each problem, and a violation for each. */
export function configInvalid(problems: readonly Problem[]): KerkisError {
  const shown = problems.slice(0, 20);
  const lines = shown.map(({ key, where, text }) => {
    const start = where === undefined ? '' : `${where}: `;
    return `  ${start}${key === '' ? '' : `${key} `}${text}`;
  });
  if (problems.length > shown.length) lines.push(`  and ${problems.length - shown.length} more`);
  return new KerkisError('invalid', 'CONFIG_INVALID', `The configuration is wrong:\n${lines.join('\n')}`, {
    violations: shown.map(({ key, text }) => ({ field: key, description: text })),
  });
}
