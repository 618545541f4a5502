import type { SourceFiles } from '../src/source-files.ts';

const file = async () => ({
  path: 'x',
  async fetchAll() {},
  async fetchFor() {},
  async [Symbol.asyncDispose]() {},
});

/** Sources for those who never look into them. */
export const noSource: SourceFiles = { open: file, openPart: file, async [Symbol.asyncDispose]() {} };
