import type { UploadSpec } from '@kerkis/contracts/upload';
import { type FieldViolation, KerkisError } from '@kerkis/errors';

const maxFileName = 1024;
const maxTitle = 512;

/**
 * A checked description of a file: the title falls back to the file name. Lengths of what comes by RPC are checked by the
 * contract; these rules are the ones that a pattern cannot say. Throws FILE_NAME_INVALID, METADATA_INVALID.
 */
export function checkedSpec(spec: UploadSpec): UploadSpec {
  checkFileName(spec.fileName);
  const texts = {
    title: spec.title,
    content_type: spec.contentType,
    profile: spec.profile,
    ...spec.metadata,
  };
  const violations: FieldViolation[] = Object.entries(texts)
    .filter(([name, value]) => hasControls(value) || hasControls(name))
    .map(([name]) => ({ field: JSON.stringify(name), description: 'must not hold control characters' }));
  if (violations.length > 0) {
    throw new KerkisError('invalid', 'METADATA_INVALID', 'The metadata holds control characters.', {
      violations,
    });
  }
  return { ...spec, title: spec.title || [...spec.fileName].slice(0, maxTitle).join('') };
}

/** A file name is for people only, but what comes as a path is an attack or a mistake. */
function checkFileName(name: string): void {
  const isPath = /[/\\]/.test(name) || name === '.' || name === '..';
  if (!isPath && !hasControls(name) && name.length <= maxFileName) return;
  throw new KerkisError(
    'invalid',
    'FILE_NAME_INVALID',
    `Send the bare name of the file: at most ${maxFileName} characters, no slashes, no control characters.`,
    { violations: [{ field: 'file_name', description: 'must be a bare file name' }] },
  );
}

function hasControls(text: string): boolean {
  return /\p{Cc}/u.test(text) || !text.isWellFormed();
}
