import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { build, BuiltProcess, root } from '../../e2e/support/built-process.js';
import { OwnSchema } from '../../e2e/support/own-schema.js';

const text = readFileSync(join(root, 'sample-app', 'Dockerfile'), 'utf8').replaceAll('\\\n', ' ');
const kept = /keep-packages\.mjs \. +([^\n]+)/.exec(text)![1]!.trim().split(/ +/);
const healthCheck = JSON.parse(/HEALTHCHECK [^\n]* CMD (\[.*\])/.exec(text)![1]!) as [string, ...string[]];

/** What the image's health check says of an instance on this port. */
async function health(port: string): Promise<number> {
  const [, ...args] = healthCheck;
  const [code] = await once(spawn(process.execPath, args, { env: { PORT: port } }), 'close');
  return code as number;
}

describe('what the image of the sample holds', { timeout: 120_000 }, () => {
  const app = mkdtempSync(join(tmpdir(), 'sample-app-image-'));
  const schema = new OwnSchema();
  let instance: BuiltProcess | undefined;

  // The directories that the Dockerfile copies, and of the packages only those that it keeps and the library's own.
  beforeAll(async () => {
    await build();
    await schema.create();
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, object>;
    const own = [manifest['dependencies']!, manifest['optionalDependencies']!].flatMap(Object.keys);
    for (const path of ['package.json', 'dist/lib', 'dist/sample-app']) {
      cpSync(join(root, path), join(app, path), { recursive: true });
    }
    for (const name of [...kept, ...own]) {
      const link = join(app, 'node_modules', name);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(join(root, 'node_modules', name), link);
    }
  }, 180_000);

  afterAll(async () => {
    await instance?.end();
    await schema.drop();
    rmSync(app, { recursive: true, force: true });
  });

  it('runs, is found healthy, and is not when nothing listens', async () => {
    const servers = { REDIS_URL: inject('redisUrl'), ZOOKEEPER_CONNECT: inject('zooKeeperConnect') };
    const variables = { ...servers, DATABASE_URL: schema.url, CACHE_NAMESPACE: schema.name, PORT: '0' };
    instance = new BuiltProcess('main.js', { ...variables, GREETING: 'short' }, [], app);
    const url = new URL(/listens on (\S+)\n/.exec(await instance.says(/listens on \S+\n/))![1]!);

    const report = await fetch(new URL('/reports/top-sellers', url));
    expect([report.status, report.headers.get('x-cache')]).toEqual([200, 'MISS']);
    expect(await health(url.port)).toBe(0);
    instance.signal('SIGTERM');
    const { code, signal } = await instance.exit;
    expect(code ?? signal).toBeOneOf([0, 143, 'SIGTERM']);
    expect(instance.errors).toBe('');
    expect(await health(url.port)).toBe(1);
  });
});
