// One empty application that has the packed package installed, as a row of the matrix says.
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { run } from './command.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const PARTS_OF_NEST = ['common', 'core', 'platform-express', 'platform-fastify', 'testing'];
/** @nestjs/cache-manager had a numbering of its own before Nest 12. */
const NEST_CACHE_MANAGER = { 11: '3', 12: '12' };

/** What compiles and runs the tests. It is not under test, and so need not be installed again for every consumer. */
const isTool = (name) => !name.startsWith('@nestjs/') && manifest.peerDependencies[name] === undefined;

function dependenciesOf({ nest, typeorm, redis, ioredis, cacheManager }) {
  return {
    ...Object.fromEntries(PARTS_OF_NEST.map((part) => [`@nestjs/${part}`, nest])),
    ...(typeorm && { typeorm, '@nestjs/typeorm': nest }),
    ...(redis && { redis }),
    ...(ioredis && { ioredis }),
    ...(cacheManager && {
      'cache-manager': cacheManager,
      '@nestjs/cache-manager': NEST_CACHE_MANAGER[nest],
      '@keyv/redis': '5',
      'cache-manager-redis-yet': '5',
      keyv: '5',
    }),
    'class-transformer': manifest.devDependencies['class-transformer'],
    'reflect-metadata': manifest.devDependencies['reflect-metadata'],
    rxjs: manifest.devDependencies.rxjs,
  };
}

const COLUMNS = ['typeorm', 'redis', 'ioredis', '@keyv/redis', 'cache-manager', 'cache-manager-redis-yet'];

/** Peers that have no column in the table: where the tests run, each is there, in the version under development or in that of the row's Nest. */
function otherPeers({ nest, runs }) {
  if (!runs.includes('e2e')) return {};
  const others = Object.keys(manifest.peerDependencies).filter((name) => !COLUMNS.includes(name));
  return Object.fromEntries(
    others.map((name) => [name, name.startsWith('@nestjs/') ? nest : manifest.devDependencies[name]]),
  );
}

/** The install flags and the environment that make `zookeeper` what the row says. */
const ZOOKEEPER = {
  built: {},
  // No compiler: what a slim container image meets.
  failed: { env: { CC: 'false', CXX: 'false' } },
  unbuilt: { flags: ['--ignore-scripts'] },
  omitted: { flags: ['--omit=optional'] },
};

/** What the install script of `zookeeper` made, by version of Node: the next consumer on that Node need not wait for the compiler again. */
const builds = new Map();

async function install(row, node, { directory, consumer }) {
  const built = row.zookeeper === 'built' ? builds.get(node.version) : undefined;
  const { flags = [], env } = built === undefined ? ZOOKEEPER[row.zookeeper] : ZOOKEEPER.unbuilt;
  const words = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error', ...flags];
  await run('npm', words, { cwd: consumer, env: { ...node.env, ...env } });
  if (row.zookeeper !== 'built') return;
  const made = join(consumer, 'node_modules', 'zookeeper', 'build', 'Release', 'zookeeper.node');
  if (built === undefined && !existsSync(made)) return;
  const kept = join(directory, `zookeeper-${node.version}.node`);
  if (built !== undefined) mkdirSync(dirname(made), { recursive: true });
  cpSync(built ?? made, built === undefined ? kept : made);
  builds.set(node.version, kept);
}

/**
 * @returns the directory of the consumer, and whether `zookeeper` loads there: not even a row that wants it built has it on a machine without a compiler. Throws
 *   when it loads, but should not.
 */
export async function makeConsumer(row, node, { directory, tarball }) {
  const consumer = join(directory, row.name);
  mkdirSync(consumer);
  const dependencies = { ...otherPeers(row), ...dependenciesOf(row), [manifest.name]: `file:${tarball}` };
  const allowScripts = { zookeeper: true };
  writeJson(join(consumer, 'package.json'), {
    name: row.name,
    private: true,
    type: 'module',
    dependencies,
    allowScripts,
  });
  await install(row, node, { directory, consumer });
  linkTools(consumer);
  return { consumer, hasZooKeeper: await hasZooKeeper(row, node, consumer) };
}

async function hasZooKeeper({ zookeeper }, node, consumer) {
  const loads = await run(node.file, ['-e', 'import("zookeeper")'], { cwd: consumer, env: node.env }).then(
    () => true,
    () => false,
  );
  if (loads && zookeeper !== 'built') throw new Error(`zookeeper loads, but should be ${zookeeper}.`);
  return loads;
}

function linkTools(consumer) {
  const modules = join(consumer, 'node_modules');
  for (const name of Object.keys(manifest.devDependencies).filter(isTool)) {
    if (existsSync(join(modules, name))) continue;
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), join(modules, name), 'junction');
  }
}

/**
 * The tests of the package's users beside the installed package, with all that they use. There are no sources of the library: its name, and the paths by
 * which the tests' helpers reach into it, mean what is installed.
 */
export function addTests(consumer) {
  const copies = [
    'test/e2e',
    'test/support',
    'test/tsconfig.json',
    'sample-app',
    'servers',
    'scripts',
    'tsconfig.json',
  ];
  for (const path of [...copies, 'vitest.config.ts'])
    cpSync(join(root, path), join(consumer, path), { recursive: true });
  symlinkSync(join(consumer, 'node_modules', manifest.name, 'dist', 'lib'), join(consumer, 'lib'), 'junction');
  for (const project of readdirSync(consumer)) forgetSources(join(consumer, project, 'tsconfig.json'));
}

/** What is installed is compiled already, and no project to be built before others. */
function forgetSources(file) {
  if (!existsSync(file)) return;
  const config = JSON.parse(readFileSync(file, 'utf8'));
  const isProject = ({ path }) => existsSync(join(dirname(file), path, 'tsconfig.json'));
  writeJson(file, { ...config, references: config.references?.filter(isProject) });
}

export function writeJson(file, value) {
  writeFileSync(file, `${JSON.stringify(value, undefined, 2)}\n`);
}
