// `npm run test:package [-- --corners] [names of consumers]`: packs the package, installs it into empty applications with other versions of Node and of what
// stands beside it, and runs the tests of test/e2e and small applications against it. test/package/matrix.md is the table.
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from './build.mjs';
import { runApp, runDegraded, runRefused } from './package/app-runs.mjs';
import { run } from './package/command.mjs';
import { makeConsumer } from './package/consumer.mjs';
import { runE2e } from './package/e2e-run.mjs';
import { readMatrix } from './package/matrix.mjs';
import { obtainNode } from './package/node-versions.mjs';
import { runReadme } from './package/readme-run.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const args = process.argv.slice(2);
const names = args.filter((arg) => !arg.startsWith('--'));
const kept = args.includes('--keep');
const RUNS = {
  e2e: runE2e,
  readme: runReadme,
  degraded: runDegraded,
  refused: runRefused,
  esm: (words, context) => runApp(['esm', ...words], context),
  cjs: (words, context) => runApp(['cjs', ...words], context),
};
const NEED_ZOOKEEPER = /zooKeeperLock|readme/;
const counts = { passed: 0, failed: 0, 'left out': 0 };

function rowsToRun() {
  const matrix = readMatrix();
  const unknown = names.filter((name) => !matrix.some((row) => row.name === name));
  if (unknown.length > 0) {
    console.error(`Unknown: ${unknown.join(', ')}. Expected some of: ${matrix.map(({ name }) => name).join(', ')}.`);
    process.exit(2);
  }
  if (names.length > 0) return matrix.filter(({ name }) => names.includes(name));
  return args.includes('--corners') ? matrix.filter(({ corner }) => corner) : matrix;
}

/** One line for each thing done, and what went wrong below it. */
async function report(row, what, work) {
  const start = performance.now();
  let result;
  let error;
  try {
    result = await work();
  } catch (thrown) {
    error = thrown;
  }
  counts[error === undefined ? 'passed' : 'failed'] += 1;
  const seconds = ((performance.now() - start) / 1_000).toFixed(1);
  const words = [error === undefined ? 'ok    ' : 'FAILED', row.name.padEnd(10), what];
  console.log(`${words.join(' ')}${typeof result === 'string' ? ` (${result})` : ''}, ${seconds} s`);
  if (error !== undefined) console.log(error.message);
  return result;
}

function leaveOut(row, what, why) {
  counts['left out'] += 1;
  console.log(`-      ${row.name.padEnd(10)} ${what}: left out, ${why}`);
}

function describe({ nest, typeorm, redis, ioredis, zookeeper }, node) {
  const parts = { TypeORM: typeorm, redis, ioredis };
  const beside = Object.entries(parts).flatMap(([name, version]) =>
    version === undefined ? [] : [`${name} ${version}`],
  );
  return [`Node ${node.version}`, `Nest ${nest}`, ...beside, `zookeeper ${zookeeper}`].join(', ');
}

async function runRow(row, { directory, tarball, servers }) {
  const node = obtainNode(row.node, directory);
  if (node === undefined) {
    leaveOut(row, 'all', `npm has no Node ${row.node} for ${process.platform}-${process.arch}`);
    return;
  }
  const where = { directory, tarball };
  const made = await report(row, `install: ${describe(row, node)}`, () => makeConsumer(row, node, where));
  if (made === undefined) return;
  const context = { row, node, servers, consumer: made.consumer };
  for (const each of row.runs) {
    const [kind, ...words] = each.split(' ');
    if (row.zookeeper === 'built' && !made.hasZooKeeper && NEED_ZOOKEEPER.test(each)) {
      leaveOut(row, each, 'zookeeper could not be built here');
    } else await report(row, each, () => RUNS[kind](words, context));
  }
  if (!kept) rmSync(made.consumer, { recursive: true, force: true });
}

async function startServers() {
  const { startPostgres, startRedis, startZooKeeper } = await import('../dist/servers/index.js');
  const [redis, zooKeeper, postgres] = await Promise.all([startRedis(), startZooKeeper(), startPostgres()]);
  const addresses = { REDIS_URL: redis.url, ZOOKEEPER_CONNECT: zooKeeper.connectString, POSTGRES_URL: postgres.url };
  return { addresses, stop: () => Promise.all([redis, zooKeeper, postgres].map((server) => server.stop())) };
}

const rows = rowsToRun();
build();
const directory = realpathSync(mkdtempSync(join(tmpdir(), 'distributed-cache-matrix-')));
// The servers have a reaper of their own.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    rmSync(directory, { recursive: true, force: true });
    process.exit(1);
  });
}
let servers;
try {
  const packed = join(directory, 'packed');
  mkdirSync(packed);
  const printed = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', packed], { cwd: root });
  const [{ filename }] = Object.values(JSON.parse(printed));
  servers = await startServers();
  const context = { directory, tarball: join(packed, filename), servers: servers.addresses };
  for (const row of rows) await runRow(row, context);
} finally {
  await servers?.stop();
  if (kept) console.log(`Kept ${directory}.`);
  else rmSync(directory, { recursive: true, force: true });
}
console.log(
  `The packed package: ${Object.entries(counts)
    .map(([what, count]) => `${count} ${what}`)
    .join(', ')}`,
);
process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0;
