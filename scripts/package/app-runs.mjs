// The runs `esm`, `cjs`, `degraded` and `refused`: a small application of the package's users, compiled by their compiler and started as a process.
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { AppProcess } from './app-process.mjs';
import { run } from './command.mjs';
import { writeJson } from './consumer.mjs';

const app = fileURLToPath(new URL('../../test/package/app', import.meta.url));
const WITH_CACHE_MANAGER = 'main-with-cache-manager';
const REQUESTS = 10;

export const COMPILER_OPTIONS = {
  target: 'es2023',
  module: 'nodenext',
  strict: true,
  skipLibCheck: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  types: ['node'],
};

/** Compiles `directory` of the consumer in place, as ES modules or as CommonJS. */
export async function compile(form, directory, { node }) {
  writeJson(join(directory, 'package.json'), { type: form === 'esm' ? 'module' : 'commonjs' });
  writeJson(join(directory, 'tsconfig.json'), { compilerOptions: COMPILER_OPTIONS, include: ['.'] });
  const compiler = join(directory, '..', 'node_modules', 'typescript', 'bin', 'tsc');
  await run(node.file, [compiler, '-p', directory], { cwd: directory, env: node.env });
}

async function compiledApp(form, context) {
  const directory = join(context.consumer, form);
  if (existsSync(directory)) return directory;
  mkdirSync(directory);
  cpSync(app, directory, { recursive: true });
  if (context.row.cacheManager === undefined) rmSync(join(directory, `${WITH_CACHE_MANAGER}.ts`));
  await compile(form, directory, context);
  return directory;
}

function launch(directory, [platform, lock, store], { node, servers }, namespace) {
  const main = join(directory, `${store === 'cacheManagerStore' ? WITH_CACHE_MANAGER : 'main'}.js`);
  const env = { LOCK: lock, STORE: store, PLATFORM: platform, NAMESPACE: namespace, ...servers };
  return new AppProcess(node, main, { cwd: directory, env });
}

async function ask(url) {
  const response = await fetch(url);
  return { cache: response.headers.get('x-cache'), status: response.status, body: await response.text() };
}

function expectThat(holds, what, seen) {
  if (!holds) throw new Error(`Expected ${what}, but saw ${JSON.stringify(seen, undefined, 2)}`);
}

async function loadsOf(address) {
  return (await (await fetch(`${address}/rows`)).json()).loads;
}

/** A crowd at a cold row on all processes: loaded once, where they share a store, and answered alike; then a hit everywhere. */
async function stampede(addresses, shared) {
  const urls = Array.from({ length: REQUESTS }, (_, index) => `${addresses[index % addresses.length]}/rows/1`);
  const answers = await Promise.all(urls.map(ask));
  const bodies = new Set(answers.map(({ status, body }) => `${status} ${body}`));
  const expected = shared ? 1 : addresses.length;
  expectThat(bodies.size === expected && answers[0].status === 200, `${expected} answer(s)`, answers);
  const loads = await Promise.all(addresses.map(loadsOf));
  expectThat(loads.reduce((sum, each) => sum + each, 0) === expected, `${expected} load(s)`, loads);
  for (const address of addresses) {
    const hit = await ask(`${address}/rows/1`);
    expectThat(hit.cache === 'HIT' && bodies.has(`200 ${hit.body}`), 'a hit with the same body', hit);
  }
  const miss = await ask(`${addresses[0]}/rows/2`);
  expectThat(miss.cache === 'MISS', 'a miss', miss);
}

export async function runApp([form, ...words], context) {
  const directory = await compiledApp(form, context);
  const namespace = `package-${randomBytes(6).toString('hex')}`;
  const apps = [0, 1].map(() => launch(directory, words, context, namespace));
  try {
    const addresses = await Promise.all(apps.map((each) => each.address()));
    await stampede(addresses, words[2] !== 'memoryStore');
    for (const each of apps) {
      const end = await each.end();
      expectThat([0, 143, 'SIGTERM'].includes(end), 'an end by SIGTERM', { end, output: each.output });
    }
  } catch (error) {
    throw new Error(`${error.message}\n${apps.map((each) => each.output).join('\n')}`, { cause: error });
  } finally {
    await Promise.all(apps.map((each) => each.end('SIGKILL')));
  }
}

/** What is said where the package is missing. */
const CURES = { zooKeeperLock: 'npm install zookeeper', redisStore: 'npm install redis' };

/** A lock that cannot work: the application starts, answers and caches, and says what to do. */
export async function runDegraded([lock, store], context) {
  const directory = await compiledApp('esm', context);
  const namespace = `package-${randomBytes(6).toString('hex')}`;
  const app = launch(directory, ['express', lock, store], context, namespace);
  try {
    await stampede([await app.address()], true);
    expectThat(app.output.includes(CURES[lock]), `a warning with "${CURES[lock]}"`, app.output);
  } finally {
    await app.end();
  }
}

/** A store that cannot work: the application does not start, and says what to do. */
export async function runRefused([lock, store], context) {
  const directory = await compiledApp('esm', context);
  const app = launch(directory, ['express', lock, store], context, 'refused');
  try {
    const timer = setTimeout(() => void app.end('SIGKILL'), 60_000);
    const end = await app.exit.finally(() => clearTimeout(timer));
    const cure = CURES[store];
    expectThat(end === 1 && app.output.includes(cure), `an exit with 1 and "${cure}"`, { end, output: app.output });
  } finally {
    await app.end('SIGKILL');
  }
}
