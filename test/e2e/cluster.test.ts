import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { freePort } from '../../servers/index.js';
import { running } from '../support/process/running.js';
import { answers, build, BuiltProcess } from './support/built-process.js';
import { OwnSchema } from './support/own-schema.js';

const READY = /Ctrl-C ends the cluster/;
const program = 'cluster/start-cluster.js';

beforeAll(build, 180_000);

interface Running {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
}

/** What the greeting says of the instances. */
function instancesIn(output: string): Running[] {
  const rows = output.matchAll(/^ {2}(app\d+) +(http\S+) +\(process (\d+)\)$/gm);
  return [...rows].map(([, name = '', url = '', pid]) => ({ name, url, pid: Number(pid) }));
}

function portsOf(addresses: readonly string[]): number[] {
  return addresses.map((address) => Number(/:(\d+)$/.exec(address)?.[1]));
}

async function threePortsInARow(): Promise<number> {
  for (;;) {
    const first = await freePort();
    if (!(await answers(first + 1)) && !(await answers(first + 2))) return first;
  }
}

function servers(databaseUrl: string): Record<string, string> {
  return { DATABASE_URL: databaseUrl, REDIS_URL: inject('redisUrl'), ZOOKEEPER_CONNECT: inject('zooKeeperConnect') };
}

/** The servers that all tests share, with rows and cached values of its own. */
function named(schema: OwnSchema): Record<string, string> {
  return { ...servers(schema.url), CACHE_NAMESPACE: schema.name };
}

async function patchPrice(url: string, priceCents: number): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/products/7`, { method: 'PATCH', headers, body: JSON.stringify({ priceCents }) });
  expect(response.status).toBe(200);
}

async function get(url: string, path: string): Promise<{ status: number; cache: string | null; body: unknown }> {
  const response = await fetch(`${url}${path}`);
  return { status: response.status, cache: response.headers.get('x-cache'), body: await response.json() };
}

describe('npm run start:cluster', { timeout: 120_000 }, () => {
  const schema = new OwnSchema();
  let cluster: BuiltProcess;
  let firstPort: number;
  let instances: Running[];
  let urls: string[];

  beforeAll(async () => {
    await schema.create();
    firstPort = await threePortsInARow();
    cluster = new BuiltProcess(program, { ...named(schema), REPORT_DELAY_MS: '0' }, ['--port', String(firstPort)]);
    instances = instancesIn(await cluster.says(READY));
    urls = instances.map(({ url }) => url);
  }, 180_000);

  afterAll(async () => {
    await (cluster as BuiltProcess | undefined)?.end();
    await schema.drop();
  });

  const statsSum = async (field: 'requests' | 'loads'): Promise<number> => {
    const all = await Promise.all(urls.map((url) => get(url, '/stats')));
    return all.reduce((sum, { body }) => sum + (body as Record<typeof field, number>)[field], 0);
  };

  it('starts three instances on ports in a row, each of their lines behind a name', () => {
    expect(instances.map(({ name }) => name)).toEqual(['app1', 'app2', 'app3']);
    expect(portsOf(urls)).toEqual([firstPort, firstPort + 1, firstPort + 2]);
    for (const { name, url } of instances) {
      expect(cluster.output).toContain(`${name} | The sample application listens on ${url}\n`);
    }
    expect(cluster.errors).toBe('');
  });

  it('loads the cold report once for all three, however many ask at once', async () => {
    const [requests, loads] = [await statsSum('requests'), await statsSum('loads')];
    // 1. Nobody reads the sales until all requests have arrived.
    const sales = await schema.hold('sale');
    const reports = Array.from({ length: 30 }, (_, index) => get(urls[index % 3]!, '/reports/top-sellers'));
    try {
      await expect.poll(() => statsSum('requests'), { timeout: 30_000 }).toBe(requests + 30);
      // 2. Then one query of the whole fleet waits for them.
      await expect.poll(() => sales.waiting(), { timeout: 30_000 }).toBe(1);
    } finally {
      await sales.release();
    }
    // 3. Its answer is everybody's.
    const all = await Promise.all(reports);
    const states = all.map(({ cache }) => cache);
    expect(states.filter((cache) => cache === 'MISS')).toHaveLength(1);
    expect(states.filter((cache) => cache === 'WAITED' || cache === 'HIT')).toHaveLength(29);
    expect(new Set(all.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    expect(await statsSum('loads')).toBe(loads + 1);
  });

  it('shows a miss of one as a hit of the others, and a change made on one to all at once', async () => {
    const [first, second, third] = urls as [string, string, string];
    expect(await get(first, '/products/7')).toMatchObject({ status: 200, cache: 'MISS' });
    expect(await get(second, '/products/7')).toMatchObject({ cache: 'HIT' });
    expect(await get(third, '/products/7')).toMatchObject({ cache: 'HIT' });
    for (const [index, url] of urls.entries()) {
      const priceCents = 5_000 + index;
      await patchPrice(url, priceCents);
      const seen = await Promise.all(urls.map((other) => get(other, '/products/7')));
      expect(seen.map(({ body }) => body)).toEqual(Array(3).fill(expect.objectContaining({ priceCents })));
    }
  });

  // The last one, as it ends the cluster of them all.
  it('leaves no instance behind when it is killed', async () => {
    cluster.signal('SIGKILL');
    await expect.poll(() => instances.filter(({ pid }) => running(pid)), { timeout: 60_000 }).toEqual([]);
  });
});

describe('a cluster on servers of its own', { timeout: 180_000 }, () => {
  const temporary = mkdtempSync(join(tmpdir(), 'cluster-test-'));
  let cluster: BuiltProcess;

  afterAll(async () => {
    await (cluster as BuiltProcess | undefined)?.end();
    rmSync(temporary, { recursive: true, force: true });
  });

  it('goes on when an instance dies, and leaves no process, port or directory behind when it is stopped', async () => {
    // PostgreSQL's data belongs to another user where this is root.
    chmodSync(temporary, 0o755);
    cluster = new BuiltProcess(program, { TMPDIR: temporary }, ['--port', '0']);
    const output = await cluster.says(READY);
    const instances = instancesIn(output);
    const [first, second, third] = instances as [Running, Running, Running];
    expect(readdirSync(temporary)).toHaveLength(3);

    process.kill(second.pid, 'SIGKILL');
    await expect.poll(() => cluster.errors).toBe('app2 has died (signal SIGKILL). It is not started again.\n');
    expect(await answers(portsOf([second.url])[0]!)).toBe(false);
    expect(await get(first.url, '/products/7')).toMatchObject({ status: 200, cache: 'MISS' });
    expect(await get(third.url, '/products/7')).toMatchObject({ status: 200, cache: 'HIT' });

    cluster.signal('SIGTERM');
    expect(await cluster.exit).toEqual({ code: 0, signal: null });
    expect(cluster.output).toMatch(
      /Ending the instances, then the servers\.\n(.*\n)*All that was started has ended\.\n$/,
    );
    expect(instances.filter(({ pid }) => running(pid))).toEqual([]);
    const [, ...servers] = /on ZooKeeper (\S+), Redis (\S+) and PostgreSQL (\S+):/.exec(output) ?? [];
    const ports = portsOf([...instances.map(({ url }) => url), ...servers]);
    expect(ports).toHaveLength(6);
    expect(await Promise.all(ports.map(answers))).toEqual(Array(6).fill(false));
    expect(readdirSync(temporary)).toEqual([]);
  });
});

describe('a cluster on servers that are named', { timeout: 120_000 }, () => {
  const schema = new OwnSchema();
  const started: BuiltProcess[] = [];
  const blockers: Server[] = [];

  beforeAll(() => schema.create());
  afterAll(() => schema.drop());

  afterEach(async () => {
    await Promise.all(started.splice(0).map((one) => one.end()));
    for (const blocker of blockers.splice(0)) blocker.close();
  });

  function start(...args: string[]): BuiltProcess {
    const cluster = new BuiltProcess(program, named(schema), args);
    started.push(cluster);
    return cluster;
  }

  it('gives up when an instance cannot start, says why, and leaves none', async () => {
    const blocker = createServer().listen(0, '127.0.0.1');
    blockers.push(blocker);
    await once(blocker, 'listening');
    const { port } = blocker.address() as AddressInfo;
    const cluster = start('--instances', '1', '--port', String(port));
    expect(await cluster.exit).toEqual({ code: 1, signal: null });
    expect(cluster.output).toContain(`app1 | The sample application could not start: Port ${port} is taken.`);
    expect(cluster.errors).toBe(
      'The cluster failed: app1 ended before it listened (exit code 1); its last lines say why.\n',
    );
  });

  it('ends when it is stopped while its instances start', async () => {
    const cluster = start('--instances', '1', '--port', '0');
    await cluster.says(/Starting 1 instances? /);
    cluster.signal('SIGINT');
    expect(await cluster.exit).toEqual({ code: 130, signal: null });
    expect(cluster.output).not.toMatch(READY);
    expect(cluster.output).toMatch(/All that was started has ended\.\n$/);
    expect(cluster.errors).toBe('');
  });

  it('ends by force at the second signal', async () => {
    const cluster = start('--instances', '1', '--port', '0');
    const [only] = instancesIn(await cluster.says(READY));
    // It does not hear that it shall end.
    process.kill(only!.pid, 'SIGSTOP');
    cluster.signal('SIGINT');
    await cluster.says(/Ending the instances/);
    cluster.signal('SIGINT');
    expect(await cluster.exit).toEqual({ code: 130, signal: null });
    await expect.poll(() => running(only!.pid), { timeout: 60_000 }).toBe(false);
  });

  it('refuses nonsense before it starts anything', async () => {
    const cluster = start('--instances', 'many');
    expect(await cluster.exit).toEqual({ code: 2, signal: null });
    expect(cluster.output).toBe('');
    expect(cluster.errors).toContain("--instances must be a whole number from 1 to 20, but is 'many'.");
  });
});

describe('npm run stampede', { timeout: 180_000 }, () => {
  it('finds the database asked once by the fleet, once by each instance, and by every request', async () => {
    const variables = { ...servers(inject('postgresUrl')), REPORT_DELAY_MS: '100' };
    const stampede = new BuiltProcess('cluster/stampede/stampede.js', variables, [
      '--requests',
      '20',
      '--instances',
      '2',
    ]);
    const exit = await stampede.exit;
    expect(stampede.errors).toBe('');
    expect(exit).toEqual({ code: 0, signal: null });

    const rows = stampede.output.split('\n').filter((line) => line.startsWith('│'));
    const cells = rows.map((row) => row.split('│').map((cell) => cell.trim()).slice(1, -1)); // prettier-ignore
    const seconds = expect.stringMatching(/^\d+\.\d\d s$/);
    expect(cells).toEqual([
      ['Mode', 'Requests', 'Database asked', 'Median', 'Slowest', 'Statuses'],
      ['distributed', '20', '1', seconds, seconds, '20 × 200'],
      ['in-process', '20', '2', seconds, seconds, '20 × 200'],
      ['off', '20', '20', seconds, seconds, '20 × 200'],
    ]);

    const database = new pg.Client({ connectionString: inject('postgresUrl') });
    await database.connect();
    const left = await database.query(`SELECT nspname FROM pg_namespace WHERE nspname LIKE 'stampede%'`);
    await database.end();
    expect(left.rows).toEqual([]);
  });
});
