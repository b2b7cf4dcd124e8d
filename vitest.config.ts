import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';

const lib = fileURLToPath(new URL('./lib', import.meta.url));

export default defineConfig({
  resolve: {
    // Tests and the sample application import the package by its own name; here that name means the sources.
    alias: [
      { find: /^nestjs-distributed-cache$/, replacement: `${lib}/index.ts` },
      { find: /^nestjs-distributed-cache\/([a-z-]+)$/, replacement: `${lib}/$1.ts` },
    ],
  },
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
    coverage: {
      include: ['lib/**/*.ts'],
      thresholds: { lines: 90, functions: 90, branches: 85, statements: 90 },
    },
    projects: [
      {
        // No servers, so one file of it runs within a second.
        extends: true,
        test: { name: 'unit', include: ['test/unit/**/*.test.ts'] },
      },
      {
        extends: true,
        test: {
          name: 'servers',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, 'test/unit/**'],
          globalSetup: ['test/support/global-setup.ts'],
        },
      },
      {
        // What reads entities, once more on the other line of TypeORM: here its name means 0.3.
        extends: true,
        resolve: { alias: [{ find: /^typeorm$/, replacement: 'typeorm-v03' }] },
        test: {
          name: 'typeorm-0.3',
          include: ['test/integration/codec/**/*.test.ts', 'test/e2e/versions*.test.ts'],
          globalSetup: ['test/support/global-setup.ts'],
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
