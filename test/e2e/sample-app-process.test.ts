import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { DataSource } from 'typeorm';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { answers, build, BuiltProcess } from './support/built-process.js';

/** The built application in a process of its own, on nothing but Node. */
class SampleApp extends BuiltProcess {
  constructor(variables: Readonly<Record<string, string>>) {
    super('main.js', variables);
  }

  /** The address it prints, and its curl lines. */
  async greeting(): Promise<{ url: URL; curls: string[] }> {
    const output = await this.says(/--next .*\n/);
    return {
      url: new URL(/listens on (\S+)/.exec(output)?.[1] ?? ''),
      curls: output.split('\n').flatMap((line) => /^ *(curl .*)$/.exec(line)?.[1] ?? []),
    };
  }
}

/** Sends what a curl line says: one answer for each of its requests. Knows the options that the application prints, and refuses others. */
async function curl(line: string): Promise<Response[]> {
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
  if (words.shift() !== 'curl') throw new Error(`Not a curl line: ${line}`);
  const answers: Response[] = [];
  let init: RequestInit & { headers: Record<string, string> } = { headers: {} };
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '-i') continue;
    else if (word === '-X') init.method = words.shift() ?? '';
    else if (word === '-d') init.body = words.shift() ?? '';
    else if (word === '-H') {
      const [, name = '', value = ''] = /^(.*?): (.*)$/.exec(words.shift() ?? '') ?? [];
      init.headers[name] = value;
    } else if (word === '--next') init = { headers: {} };
    else if (word.startsWith('http://')) answers.push(await fetch(word, init));
    else throw new Error(`The test does not know ${word} in: ${line}`);
  }
  return answers;
}

/** Asks for the slow report, without waiting for it. */
function askForReport(url: URL): { outcome: 'pending' | 'answered' | 'cut off'; settled: Promise<void> } {
  const report: ReturnType<typeof askForReport> = { outcome: 'pending', settled: Promise.resolve() };
  report.settled = fetch(new URL('/reports/top-sellers', url)).then(
    () => void (report.outcome = 'answered'),
    () => void (report.outcome = 'cut off'),
  );
  return report;
}

/** Waits until the application has begun so many loads. */
async function loadsAre(url: URL, loads: number): Promise<void> {
  const stats = async (): Promise<unknown> => (await fetch(new URL('/stats', url))).json();
  await expect.poll(stats, { timeout: 60_000 }).toMatchObject({ loads });
}

describe('the sample application as it is started', { timeout: 120_000 }, () => {
  const running: SampleApp[] = [];

  beforeAll(build, 180_000);

  afterEach(async () => {
    await Promise.all(running.splice(0).map((app) => app.end()));
  });

  function start(variables: Readonly<Record<string, string>> = {}): SampleApp {
    const app = new SampleApp({ PORT: '0', ...variables });
    running.push(app);
    return app;
  }

  it('prints three curl lines that show a miss, a hit and a change, and ends cleanly on SIGTERM', async () => {
    const app = start();
    const { url, curls } = await app.greeting();
    expect(curls).toHaveLength(3);
    const [miss, hit, change] = [await curl(curls[0] ?? ''), await curl(curls[1] ?? ''), await curl(curls[2] ?? '')];

    expect(miss.map(({ status, headers }) => [status, headers.get('x-cache')])).toEqual([[200, 'MISS']]);
    const before = (await miss[0]?.json()) as { id: number; priceCents: number };
    expect(hit.map(({ status, headers }) => [status, headers.get('x-cache')])).toEqual([[200, 'HIT']]);
    expect(await hit[0]?.json()).toEqual(before);
    expect(change.map(({ status, headers }) => [status, headers.get('x-cache')])).toEqual([
      [200, null],
      [200, 'MISS'],
    ]);
    const after = (await change[1]?.json()) as { id: number; priceCents: number };
    expect(after).toMatchObject({ id: before.id, priceCents: 1999 });
    expect(before.priceCents).not.toBe(1999);

    app.signal('SIGTERM');
    const { code, signal } = await app.exit;
    // Nest closes everything and then passes the signal on to the process, which a shell calls 143.
    expect(code ?? signal).toBeOneOf([0, 143, 'SIGTERM']);
    expect(app.errors).toBe('');
    expect(await answers(Number(url.port))).toBe(false);
  });

  it('answers others while a query of the embedded database is slow, and ends on SIGTERM without waiting for it', async () => {
    const app = start({ REPORT_DELAY_MS: '20000' });
    const { url } = await app.greeting();
    await fetch(new URL('/products/42', url));
    const report = askForReport(url);
    await loadsAre(url, 2);
    expect((await fetch(new URL('/products/42', url))).headers.get('x-cache')).toBe('HIT');
    expect(report.outcome).toBe('pending');

    app.signal('SIGTERM');
    const { code, signal } = await app.exit;
    expect(code ?? signal).toBeOneOf([0, 143, 'SIGTERM']);
    await report.settled;
    expect(report.outcome).toBe('cut off');
  });

  it('says what is wrong with the environment and gives up', async () => {
    const app = start({ PORT: 'http' });
    expect(await app.exit).toEqual({ code: 1, signal: null });
    expect(app.errors).toContain("PORT must be a whole number from 0 to 65535, but is 'http'");
  });

  it('says so when its port is taken', async () => {
    const other = createServer();
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    try {
      const { port } = other.address() as AddressInfo;
      const app = start({ PORT: String(port) });
      expect(await app.exit).toEqual({ code: 1, signal: null });
      expect(app.errors).toContain(`Port ${port} is taken`);
    } finally {
      other.close();
    }
  });

  it('keeps transactions on the embedded database apart', async () => {
    // Only the built file can start the database's thread.
    const built = new URL('../../dist/sample-app/database/embedded/embedded-pool.js', import.meta.url).href;
    const { EmbeddedPool } = (await import(/* @vite-ignore */ built)) as { EmbeddedPool: new () => unknown };
    const dataSource = new DataSource({ type: 'postgres', driver: { Pool: EmbeddedPool } });
    await dataSource.initialize();
    try {
      await dataSource.query('CREATE TABLE counter (value bigint NOT NULL); INSERT INTO counter VALUES (0)');
      const increment = (fails: boolean) =>
        dataSource.transaction(async (manager) => {
          const [row] = await manager.query<{ value: string }[]>('SELECT value FROM counter');
          await manager.query('UPDATE counter SET value = $1', [Number(row?.value) + 1]);
          if (fails) throw new Error('rolled back');
        });
      const results = await Promise.allSettled(Array.from({ length: 20 }, (_, index) => increment(index % 2 === 1)));
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
      expect(await dataSource.query('SELECT value FROM counter')).toEqual([{ value: '10' }]);
      await expect(dataSource.query('SELECT 1 / 0')).rejects.toMatchObject({ driverError: { code: '22012' } });
    } finally {
      await dataSource.destroy();
    }
    await expect(dataSource.query('SELECT 1')).rejects.toThrow();
  });
});
