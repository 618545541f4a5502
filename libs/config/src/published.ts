import { readFileSync } from 'node:fs';
import { jsonSchema } from './json-schema.ts';
import { referenceMarkdown } from './reference.ts';

/** A file of the repository that is written from the schema. */
export interface PublishedFile {
  /** From the root of the repository. */
  readonly path: string;
  readonly content: string;
}

const marker = '<!-- From here on written by `npm run reference --workspace @kerkis/config`. -->';

/** All files that are written from the schema. `root` is the root of the repository, a directory URL. */
export function publishedFiles(root: URL): readonly PublishedFile[] {
  const docs = 'docs/configuration.md';
  const [intro = ''] = readFileSync(new URL(docs, root), 'utf8').split(marker, 1);
  return [
    { path: 'deploy/kerkis.schema.json', content: `${JSON.stringify(jsonSchema(), null, 2)}\n` },
    { path: docs, content: `${intro}${marker}\n\n${referenceMarkdown()}` },
  ];
}
