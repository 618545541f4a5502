import { writeFileSync } from 'node:fs';
import { publishedFiles } from './published.ts';

const root = new URL('../../../', import.meta.url);
for (const { path, content } of publishedFiles(root)) writeFileSync(new URL(path, root), content);
