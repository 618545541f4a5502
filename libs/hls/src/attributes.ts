/** An attribute value as it is written: already quoted or a bare token. Undefined leaves the attribute out. */
export type AttributeValue = string | undefined;

/** `NAME=value,NAME=value` in the order given, without the undefined ones. */
export function attributeList(attributes: Readonly<Record<string, AttributeValue>>): string {
  return Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}

/**
 * Text that may stand in a playlist: NFC, well-formed, without control characters and line separators (they become
 * single spaces), trimmed.
 */
export function plainText(text: string): string {
  return (
    text
      .toWellFormed()
      .normalize('NFC')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 8216bis 4.1 forbids them in playlists
      .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]+/g, ' ')
      .trim()
  );
}

/** A quoted-string of RFC 8216bis 4.2, which has no escape: a double quote inside becomes a single one. */
export function quoted(text: string): string {
  return `"${plainText(text).replaceAll('"', "'")}"`;
}

/** The canonical BCP 47 tag (`eng` becomes `en`), or undefined for an unknown or malformed one. */
export function languageTag(language: string): string | undefined {
  if (language === '' || language.length > 100) return undefined;
  try {
    const tag = Intl.getCanonicalLocales(language)[0];
    return tag === 'und' ? undefined : tag;
  } catch {
    return undefined;
  }
}

const languageNames = new Intl.DisplayNames(['en'], { type: 'language' });

/** What a menu shows: the label, else the English name of the language, else the fallback. */
export function displayName(label: string, language: string, fallback: string): string {
  const text = plainText(label).replaceAll('"', "'");
  if (text !== '') return text;
  const tag = languageTag(language);
  if (tag === undefined) return fallback;
  return languageNames.of(new Intl.Locale(tag).baseName) ?? tag;
}

/** The path with the query behind it; whatever RFC 3986 does not allow in a query is percent-encoded. */
export function uri(path: string, query: string | undefined): string {
  if (query === undefined || query === '') return path;
  const safe = query
    .toWellFormed()
    .replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/?%]/gu, (character) => encodeURIComponent(character));
  return `${path}?${safe}`;
}
