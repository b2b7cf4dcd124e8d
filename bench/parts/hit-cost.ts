import { createClient } from 'redis';
import { openApplication } from '../application.js';
import { interleave } from '../interleave.js';
import { ratioRow, reportRow, type Row } from '../row.js';
import { Product, productDataSource, sampleProduct, PLAIN_VALUE } from '../sample-values.js';
import type { Stage } from '../stage.js';
import { ratios } from '../statistics.js';
import { pace, processorTime } from './slices.js';

const PART = 'hit';
const YARDSTICK = 'a bare GET + JSON.parse';

type Call = () => Promise<unknown>;
type Name = 'bare' | 'again' | 'lean' | 'plain' | 'entity';
type Measure = typeof pace;

/** What a hit costs in one process, beside the shortest way to the same value. */
export async function hitCost(stage: Stage): Promise<Row[]> {
  const redis = await stage.redis();
  const namespace = stage.namespace();
  const app = await openApplication(
    { namespace, redisUrl: redis.url, lock: 'none' },
    { dataSources: [await productDataSource()] },
  );
  const client = await createClient({ url: redis.url }).connect();
  const lean = await createClient({ url: redis.url, commandOptions: { timeout: 0 } }).connect();
  try {
    const bareKey = `${namespace}:bare`;
    await client.set(bareKey, JSON.stringify(PLAIN_VALUE));
    const parsed = async (from: Pick<typeof client, 'get'>): Promise<unknown> =>
      JSON.parse((await from.get(bareKey)) ?? '');
    const unexpected = (): never => {
      throw new Error('A hit was expected.');
    };
    await app.cache.getOrLoad(['plain', 42], () => PLAIN_VALUE);
    await app.cache.getOrLoad(['entity', 42], sampleProduct, { entity: Product });
    const calls: Record<Name, Call> = {
      bare: () => parsed(client),
      again: () => parsed(client),
      lean: () => parsed(lean),
      plain: () => app.cache.getOrLoad(['plain', 42], unexpected),
      entity: () => app.cache.getOrLoad(['entity', 42], unexpected, { entity: Product }),
    };
    const { quick } = stage.options;
    const rounds = quick ? 3 : 21;
    return [
      ...rowsOf('64 at a time', await run(calls, pace, quick ? 200 : 2_000, 64, rounds), true),
      ...rowsOf('one at a time', await run(calls, pace, quick ? 50 : 400, 1, rounds), true),
      ...rowsOf(
        '64 at a time, processor time of the client',
        await run(calls, processorTime, quick ? 200 : 4_000, 64, rounds),
        false,
      ),
    ];
  } finally {
    await Promise.all([client.close(), lean.close(), app.close()]);
  }
}

function run(
  calls: Record<Name, Call>,
  measure: Measure,
  count: number,
  width: number,
  rounds: number,
): Promise<Record<Name, number[]>> {
  const slices = Object.entries(calls).map(([name, call]) => [name, () => measure(count, width, call)]);
  return interleave<Name>(Object.fromEntries(slices) as Record<Name, () => Promise<number>>, rounds);
}

function rowsOf(how: string, told: Record<Name, number[]>, budgeted: boolean): Row[] {
  const of = (values: number[], what: string, bound?: { atMost: number }): Row =>
    ratioRow({ part: PART, what: `${what}, ${how}`, of: 'bare' }, ratios(values, told.bare), bound);
  return [
    reportRow({ part: PART, what: `${YARDSTICK} of 2 KB, ${how}` }, told.bare, 'µs'),
    of(told.again, 'the same once more (noise)'),
    of(told.lean, 'the same on a client without its own command timeout'),
    of(told.plain, 'a library hit of 2 KB plain JSON', budgeted ? { atMost: 1.15 } : undefined),
    of(told.entity, 'a library hit of an entity with 20 columns'),
  ];
}
