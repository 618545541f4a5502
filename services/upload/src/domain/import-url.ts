import { KerkisError } from '@kerkis/errors';

/** A URL that may be imported from. Throws IMPORT_URL_INVALID. */
export function checkedImportUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && (url.protocol === 'http:' || url.protocol === 'https:') && url.hostname) return url;
  throw new KerkisError(
    'invalid',
    'IMPORT_URL_INVALID',
    'Only http and https URLs with a host can be imported.',
    { violations: [{ field: 'url', description: 'must be an absolute http or https URL' }] },
  );
}

/** Last segment of the path, for people only; may be empty. */
export function fileNameOfUrl({ pathname }: URL): string {
  return bareName(unescaped(pathname.split('/').at(-1) ?? ''));
}

/** File name of a Content-Disposition header, https://www.rfc-editor.org/rfc/rfc6266, for people only; may be empty. */
export function fileNameOfDisposition(header: string): string {
  const extended = /;\s*filename\*\s*=\s*utf-8'[^']*'([^;\s]+)/i.exec(header)?.[1];
  if (extended) return bareName(unescaped(extended));
  const plain = /;\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))/i.exec(header);
  return bareName((plain?.[1]?.replaceAll(/\\(.)/g, '$1') ?? plain?.[2] ?? '').trim());
}

/** `authorization` for the credentials in a URL. */
export function credentialsOf({ username, password }: URL): string | undefined {
  if (!username && !password) return undefined;
  return `Basic ${Buffer.from(`${unescaped(username)}:${unescaped(password)}`).toString('base64')}`;
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function bareName(name: string): string {
  const bare = name
    .toWellFormed()
    .split(/[/\\]/)
    .at(-1)
    ?.replaceAll(/\p{Cc}/gu, '')
    .slice(0, 255)
    .toWellFormed();
  return bare === '.' || bare === '..' ? '' : (bare ?? '');
}
