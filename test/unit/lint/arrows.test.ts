import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';
import { describe, expect, it } from 'vitest';

import config from '../../../eslint.config.mjs';
import { arrows } from '../../../eslint-rules/arrows.mjs';

const cwd = fileURLToPath(new URL('../../..', import.meta.url));

// The rule alone, without types: the files of these tests do not exist.
const eslint = new ESLint({
  cwd,
  overrideConfigFile: true,
  overrideConfig: [
    {
      files: ['**/*.ts'],
      languageOptions: { parser: tseslint.parser },
      plugins: { house: { rules: { arrows } } },
      rules: { 'house/arrows': 'error' },
    },
  ],
});

async function complaints(filePath: string, code: string): Promise<string[]> {
  const results = await eslint.lintText(code, { filePath });
  return results.flatMap((result) => result.messages.map(({ message }) => message));
}

describe('an import against the arrows is an error', () => {
  it.each([
    // core knows nobody
    ['lib/core/x.ts', '../stores/memory-store.js', 'room "stores"'],
    ['lib/core/x.ts', '../locks/in-process-lock-provider.js', 'room "locks"'],
    ['lib/core/x.ts', '../distributed-cache.service.js', 'room "service"'],
    ['lib/core/x.ts', '../codec/tagged-json-codec.js', 'room "codec"'],
    ['lib/core/x.ts', 'node:fs', 'package "node:fs"'],
    ['lib/core/x.ts', '@nestjs/common', 'package "@nestjs/common"'],
    // adapters never import each other
    ['lib/locks/x.ts', '../stores/memory-store.js', 'room "stores"'],
    ['lib/locks/x.ts', './zookeeper/zoo-keeper-lock.js', 'room "locks/zookeeper"'],
    ['lib/locks/zookeeper/x.ts', '../redis/redis-lock.js', 'room "locks/redis"'],
    ['lib/locks/zookeeper/x.ts', '../../redis-client/redis-client.js', 'room "redis-client"'],
    ['lib/locks/zookeeper/x.ts', 'ioredis', 'package "ioredis"'],
    ['lib/locks/redis/x.ts', '../../stores/redis/redis-versioned-store.js', 'room "stores/redis"'],
    ['lib/locks/redis/x.ts', 'redis', 'package "redis"'],
    ['lib/locks/redis/x.ts', '../in-process-lock-provider.js', 'room "locks"'],
    ['lib/locks/zookeeper/x.ts', '../watched-lock.js', 'room "locks/watched"'],
    ['lib/stores/x.ts', './redis/redis-versioned-store.js', 'room "stores/redis"'],
    ['lib/stores/x.ts', '@nestjs/common', 'package "@nestjs/common"'],
    ['lib/stores/redis/x.ts', '../memory-store.js', 'room "stores"'],
    ['lib/stores/redis/x.ts', 'zookeeper', 'package "zookeeper"'],
    ['lib/stores/cache-manager-store.ts', '../locks/redis/redis-lock.js', 'room "locks/redis"'],
    ['lib/redis-client/x.ts', '../stores/redis/redis-versioned-store.js', 'room "stores/redis"'],
    ['lib/breakers/x.ts', '../options/breaker-options.js', 'room "options"'],
    ['lib/core/x.ts', '../breakers/cockatiel-breaker.js', 'room "breakers"'],
    ['lib/core/x.ts', 'cockatiel', 'package "cockatiel"'],
    ['lib/codec/x.ts', '../stores/memory-store.js', 'room "stores"'],
    ['lib/codec/x.ts', '../redis-client/redis-client.js', 'room "redis-client"'],
    // the rooms around the service
    ['lib/options/x.ts', '../distributed-cache.service.js', 'room "service"'],
    ['lib/distributed-cache.service.ts', './stores/memory-store.js', 'room "stores"'],
    ['lib/distributed-cache.service.ts', './cacheable/x.js', 'room "cacheable"'],
    ['lib/distributed-cache.service.ts', './distributed-cache.module.js', 'room "module"'],
    ['lib/cacheable/x.ts', '../locks/in-process-lock-provider.js', 'room "locks"'],
    ['lib/cacheable/x.ts', '../distributed-cache.module.js', 'room "module"'],
    ['lib/observability/x.ts', '../stores/memory-store.js', 'room "stores"'],
    ['lib/invalidation/x.ts', '../stores/memory-store.js', 'room "stores"'],
    ['lib/distributed-cache.service.ts', './wiring/open-providers.js', 'room "module"'],
    ['lib/cacheable/x.ts', '../wiring/application-cache-host.js', 'room "module"'],
    ['lib/wiring/cache-host.ts', './open-providers.js', 'room "module"'],
    ['lib/testing/x.ts', '../stores/memory-store.js', 'room "stores"'],
    ['lib/testing/x.ts', 'vitest', 'package "vitest"'],
    ['lib/distributed-cache.module.ts', './locks/zookeeper/zoo-keeper-lock.js', 'except by import()'],
    ['lib/distributed-cache.module.ts', './locks/redis/redis-lock.js', 'room "locks/redis"'],
    ['lib/distributed-cache.module.ts', './testing/manual-clock.js', 'room "testing"'],
    // nothing imports an entry file, and outsiders see the package's name only
    ['lib/core/x.ts', '../index.js', 'room "entry"'],
    ['lib/distributed-cache.module.ts', './zookeeper.js', 'room "entry"'],
    ['lib/index.ts', './redis.js', 'room "entry"'],
    ['sample-app/x.ts', '../lib/index.js', 'room "entry"'],
    ['sample-app/catalogue/x.ts', '../../lib/core/clock.js', 'room "core"'],
    ['test/e2e/x.test.ts', '../../lib/core/clock.js', 'room "core"'],
    // a file without a room
    ['lib/core/x.ts', '../utils/x.js', 'is in no room'],
    ['lib/utils/x.ts', './y.js', 'is in no room'],
  ])('%s imports %s', async (file, specifier, expected) => {
    const found = await complaints(file, `import { x } from '${specifier}';\nexport const y = x;\n`);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(expected);
  });

  it.each([
    ['a type', "import type { X } from '../stores/memory-store.js';"],
    ['an import for effect', "import '../stores/memory-store.js';"],
    ['a re-export', "export { x } from '../stores/memory-store.js';"],
    ['a re-export of everything', "export * from '../stores/memory-store.js';"],
    ['import()', "export const load = () => import('../stores/memory-store.js');"],
    ['the type import()', "export type Y = import('../stores/memory-store.js').X;"],
  ])('as %s', async (_, code) => {
    expect(await complaints('lib/core/x.ts', code)).toEqual(['Room "core" may not import room "stores".']);
  });
});

describe('an import along the arrows passes', () => {
  it.each([
    ['lib/core/x.ts', "import { x } from './clock.js';"],
    ['lib/core/x.ts', "import { x } from 'node:async_hooks';"],
    ['lib/locks/zookeeper/x.ts', "import { x } from '../../core/clock.js';"],
    ['lib/locks/zookeeper/x.ts', "export const x = () => import('zookeeper');"],
    ['lib/locks/redis/x.ts', "import { x } from '../../redis-client/redis-client.js';"],
    ['lib/stores/cache-manager-store.ts', "import { x } from './redis/redis-versioned-store.js';"],
    ['lib/distributed-cache.module.ts', "export const x = () => import('./locks/zookeeper/zoo-keeper-lock.js');"],
    ['lib/index.ts', "export { x } from './core/clock.js';"],
    ['sample-app/x.ts', "import { x } from 'nestjs-distributed-cache';"],
    ['test/e2e/x.test.ts', "import { x } from 'nestjs-distributed-cache/testing';"],
    ['test/unit/core/x.test.ts', "import { x } from '../../../lib/core/clock.js';"],
  ])('%s: %s', async (file, code) => {
    expect(await complaints(file, code)).toEqual([]);
  });
});

describe('the repository’s own configuration', () => {
  it('makes the arrows, and bare time in core, errors', async () => {
    const repository = new ESLint({ cwd, overrideConfigFile: true, overrideConfig: config });
    const rules = async (file: string): Promise<Record<string, unknown>> => {
      const found = (await repository.calculateConfigForFile(file)) as {
        rules: Record<string, [number, ...unknown[]]>;
      };
      return Object.fromEntries(Object.entries(found.rules).map(([name, [severity]]) => [name, severity]));
    };
    for (const file of [
      'lib/core/read-through.ts',
      'lib/locks/zookeeper/x.ts',
      'sample-app/main.ts',
      'test/e2e/x.test.ts',
    ]) {
      expect(await rules(file)).toMatchObject({ 'house/arrows': 2 });
    }
    const time = { 'no-restricted-globals': 2, 'no-restricted-properties': 2, 'no-restricted-syntax': 2 };
    expect(await rules('lib/core/read-through.ts')).toMatchObject(time);
    expect(await rules('lib/core/clock.ts')).not.toMatchObject(time);
  });

  it.each(['setTimeout(f, 1)', 'Date.now()', 'Math.random()', 'performance.now()', 'new Date()'])(
    'refuses %s in core',
    async (expression) => {
      const core = config.find(({ files }) => files?.includes('lib/core/**/*.ts'));
      const alone = new ESLint({
        cwd,
        overrideConfigFile: true,
        overrideConfig: [
          { files: ['**/*.ts'], languageOptions: { parser: tseslint.parser } },
          { ...core, files: ['lib/core/**/*.ts'] },
        ],
      });
      const code = `export const x = (f: () => void) => [f, ${expression}];\n`;
      const errors = async (filePath: string): Promise<number> =>
        (await alone.lintText(code, { filePath })).reduce((sum, { errorCount }) => sum + errorCount, 0);
      expect(await errors('lib/core/x.ts')).toBe(1);
      expect(await errors('lib/core/clock.ts')).toBe(0);
    },
  );
});
