import autocannon from 'autocannon';
import { interleave } from '../interleave.js';
import { ratioRow, reportRow, type Row } from '../row.js';
import type { Stage } from '../stage.js';
import { ratios } from '../statistics.js';

const PART = 'route';
const CONNECTIONS = 32;

type Name = 'bare' | 'again' | 'library' | 'stock' | 'constant';
const PATHS: Record<Name, string> = {
  bare: 'bare',
  again: 'bare',
  library: 'library',
  stock: 'stock',
  constant: 'constant',
};

/** Requests per second of one route, the server in a process of its own and driven from this one. */
export async function route(stage: Stage): Promise<Row[]> {
  const rows: Row[] = [];
  for (const adapter of ['express', 'fastify'] as const) {
    stage.progress(`route: ${adapter}`);
    const redis = await stage.redis();
    const server = await stage.worker('route-server', { adapter, namespace: stage.namespace(), redisUrl: redis.url });
    const port = await server.ask<number>('port');
    const { quick } = stage.options;
    const slices = Object.entries(PATHS).map(([name, path]) => [
      name,
      () => rate(`http://127.0.0.1:${port}/${path}/42`),
    ]);
    const told = await interleave<Name>(
      Object.fromEntries(slices) as Record<Name, () => Promise<number>>,
      quick ? 1 : 11,
    );
    await stage.closeWorker(server);
    rows.push(...rowsOf(adapter, told));
  }
  return rows;
}

/** @throws when an answer is not the route's: a rate of errors is no rate */
async function rate(url: string): Promise<number> {
  const result = await autocannon({ url, connections: CONNECTIONS, duration: 1 });
  if (result.non2xx > 0 || result.errors > 0 || result['2xx'] === 0) {
    throw new Error(`${url}: ${result['2xx']} right answers, ${result.non2xx} wrong ones and ${result.errors} errors.`);
  }
  return result['2xx'] / result.duration;
}

function rowsOf(adapter: string, told: Record<Name, number[]>): Row[] {
  const of = (name: Name, what: string, bound?: { atLeast: number }): Row =>
    ratioRow({ part: PART, what: `${adapter}: ${what}`, of: 'bare' }, ratios(told[name], told.bare), bound);
  return [
    reportRow(
      { part: PART, what: `${adapter}: a route with a bare GET + JSON.parse of 2 KB` },
      told.bare,
      'requests/s',
    ),
    of('again', 'the same once more (noise)'),
    of('library', 'a route with @LockedCacheable(), from a hit', { atLeast: 0.9 }),
    of('stock', 'a route with the stock CacheInterceptor on Redis, from a hit'),
    of('constant', 'a route that returns a constant'),
  ];
}
