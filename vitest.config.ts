import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';
import { builtLibrary } from './test/support/coverage/built-library.js';

const lib = fileURLToPath(new URL('./lib', import.meta.url));

// Tests and the sample application import the package by its own name. That name means the sources; where there are none, beside
// an installed package (`npm run test:package`), it means what it says.
const sources = [
  { find: /^nestjs-distributed-cache$/, replacement: `${lib}/index.ts` },
  { find: /^nestjs-distributed-cache\/([a-z-]+)$/, replacement: `${lib}/$1.ts` },
];

// Set by `npm run coverage`, which adds up what the tests and the processes that they start have run.
const covered = process.env.COVERAGE_DIRECTORY !== undefined;

export default defineConfig({
  plugins: covered ? [builtLibrary()] : [],
  resolve: { alias: existsSync(`${lib}/index.ts`) ? sources : [] },
  test: {
    pool: 'forks',
    maxWorkers: 3,
    // One process runs many files of a project: to start one for each took more CPU time than most files. A process goes on only with
    // the next file of the same project, so projects run one after the other (`groupOrder`).
    isolate: false,
    // For a machine with much else to do: what takes four seconds alone took a minute there.
    testTimeout: 180_000,
    hookTimeout: 300_000,
    teardownTimeout: 30_000,
    // A condition is waited for, however slow the machine is; by itself a poll gives up after a second.
    expect: { poll: { timeout: 30_000 } },
    setupFiles: covered ? ['test/support/coverage/after-each-file.ts'] : [],
    server: { deps: { external: covered ? [/\/dist\/lib\//, /\/coverage\/of-process\.mjs$/] : [] } },
    projects: [
      {
        // No servers, so one file of it runs within a second.
        extends: true,
        test: { name: 'unit', include: ['test/unit/**/*.test.ts'], sequence: { groupOrder: 1 } },
      },
      {
        extends: true,
        test: {
          name: 'servers',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, 'test/unit/**'],
          globalSetup: ['test/support/global-setup.ts'],
          sequence: { groupOrder: 2 },
        },
      },
      {
        // What reads entities, once more on the other line of TypeORM: here its name means 0.3.
        extends: true,
        resolve: { alias: [{ find: /^typeorm$/, replacement: 'typeorm-v03' }] },
        test: {
          name: 'typeorm-0.3',
          include: [
            'test/integration/codec/**/*.test.ts',
            'test/integration/invalidation/**/*.test.ts',
            'test/differential/{sqljs,postgres}.test.ts',
            'test/e2e/versions*.test.ts',
          ],
          globalSetup: ['test/support/global-setup.ts'],
          sequence: { groupOrder: 3 },
        },
      },
      {
        extends: true,
        test: {
          name: 'types',
          include: [],
          typecheck: {
            enabled: true,
            only: true,
            include: ['test/types/**/*.test-d.ts'],
            tsconfig: 'test/types/tsconfig.json',
          },
        },
      },
    ],
  },
});
