import { readdirSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

const packages = ['libs', 'services', 'clients'].flatMap((group) =>
  readdirSync(group).map((name) => ({ name, root: `${group}/${name}` })),
);

// What is polled for comes when a busy machine gets to it.
const expectations = { expect: { poll: { timeout: 15_000 } } };
const timeouts = { testTimeout: 60_000, hookTimeout: 120_000, ...expectations };

export default defineConfig({
  test: {
    // ffmpeg and the servers are the load: two test files at a time fill two cores.
    maxWorkers: 2,
    projects: [
      ...packages.map(({ name, root }) => ({
        test: { name, root, include: ['src/**/*.test.ts', 'test/**/*.test.ts'], ...timeouts },
      })),
      { test: { name: 'repository', root: 'scripts', include: ['**/*.test.ts'], ...timeouts } },
      {
        test: {
          name: 'e2e',
          root: 'e2e',
          include: ['**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 300_000,
          ...expectations,
        },
      },
    ],
  },
});
