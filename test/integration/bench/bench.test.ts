import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** What `--json` writes, as far as it is looked at here. */
interface Told {
  readonly rows: readonly {
    readonly part: string;
    readonly what: string;
    readonly kind: string;
    readonly verdict: string;
    readonly figures: Readonly<Record<string, number>>;
  }[];
}

const MAIN = fileURLToPath(new URL('../../../dist/bench/main.js', import.meta.url));

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'distributed-cache-bench-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

async function bench(...words: string[]): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, [MAIN, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (output += text.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { code, output };
}

describe('the benchmark', () => {
  it('runs, and the counts are those of the budgets', { timeout: 180_000 }, async () => {
    const file = join(directory, 'rows.json');
    const parts = ['hit', 'miss', 'stale', 'waiter', 'stampede', 'memory'];
    const { code, output } = await bench(...parts, '--quick', '--processes', '2', '--json', file);
    expect(code, output).toBe(0);
    const { rows } = JSON.parse(readFileSync(file, 'utf8')) as Told;
    expect([...new Set(rows.map(({ part }) => part))]).toEqual(parts);
    const counts = rows.filter(({ kind }) => kind === 'count');
    expect(counts.every(({ verdict }) => verdict === 'ok')).toBe(true);
    const of = (part: string) => counts.filter((row) => row.part === part).map(({ figures }) => figures);
    const none = { 'ZooKeeper writes': 0, 'ZooKeeper reads': 0 };
    expect(of('hit')).toEqual([{ 'Redis requests': 1, ...none }]);
    expect(of('miss')).toEqual([{ 'Redis requests': 3, 'ZooKeeper writes': 2, 'ZooKeeper reads': 1 }]);
    expect(of('stale')).toEqual([{ 'Redis requests': 1, ...none }]);
    expect(of('waiter').map((figures) => figures['ZooKeeper writes'])).toEqual([0, 1]);
    expect(of('stampede')).toEqual([{ loads: 1 }, { loads: 1 }]);
  });

  it('refuses a part that does not exist, and lists those that do', async () => {
    const { code, output } = await bench('hits');
    expect(code).toBe(2);
    expect(output).toContain(
      'There is no part "hits". Expected some of: hit, miss, stale, waiter, stampede, cold, route, memory',
    );
  });
});
