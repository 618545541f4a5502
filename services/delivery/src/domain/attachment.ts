/** Endings that a title has when it is the name of the file that was uploaded. */
const mediaEnding =
  /\.(?:3gp|aac|aiff?|avi|flac|flv|m2ts|m4[av]|mka|mkv|mov|mp[34]|mpe?g|mts|mxf|og[agv]|opus|ts|wav|webm|wm[av])$/i;
const maxTitleLength = 120;

/**
 * The name under which a download is saved: the asset's title with the file's ending, told apart by the file's own name where
 * several have that ending. The file's own name where the title has nothing that a file system takes.
 */
export function attachmentName(title: string, file: string, files: Iterable<string>): string {
  const ending = /\.[A-Za-z0-9]+$/.exec(file)?.[0] ?? '';
  const name = fileName(title.replace(mediaEnding, ''));
  if (name === '') return file;
  const isOnly = [...files].every((other) => other === file || !other.endsWith(ending));
  return isOnly ? name + ending : `${name} (${file.slice(0, file.length - ending.length)})${ending}`;
}

/**
 * Content-Disposition of a file that is to be saved (RFC 6266): the name in UTF-8, and for clients that read none, in ASCII. Control
 * and formatting characters, which could make a name look like another, are left out.
 */
export function attachment(name: string): string {
  const ascii = name
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .replace(/[^\x20-\x7e]/gu, '_')
    .replace(/["\\%]/g, '_');
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}

function fileName(title: string): string {
  const plain = title
    .toWellFormed()
    .normalize('NFC')
    .replace(/[\p{C}\p{Zl}\p{Zp}\ufffd]+/gu, '')
    .replace(/[/\\:*?"<>|]+/g, '_')
    .replace(/\s+/g, ' ');
  return [...plain]
    .slice(0, maxTitleLength)
    .join('')
    .replace(/^[\s.]+|[\s.]+$/g, '');
}
