import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { CacheEvent } from 'nestjs-distributed-cache';
import { openApplication, type BenchApplication } from '../application.js';
import { countRow, type Row } from '../row.js';
import type { Stage } from '../stage.js';
import type { Worker } from '../worker/worker.js';
import { beyond, Counting, most, type Asked } from './counting.js';

const ROUNDS = 10;

interface Scene {
  readonly app: BenchApplication;
  readonly counting: Counting;
  /** Resolves with the next event of that type. Ask before what makes it. */
  readonly event: (type: CacheEvent['type']) => Promise<void>;
}

async function within(stage: Stage, act: (scene: Scene) => Promise<Row[]>): Promise<Row[]> {
  const counting = await Counting.on(stage);
  const waiting = new Map<CacheEvent['type'], () => void>();
  const app = await openApplication(
    {
      namespace: stage.namespace(),
      redisUrl: counting.redis.url,
      zooKeeperConnect: counting.zooKeeper.connectString,
      lock: 'zookeeper',
    },
    { observers: [{ observe: ({ type }) => waiting.get(type)?.() }] },
  );
  const event = (type: CacheEvent['type']): Promise<void> => new Promise((resolve) => waiting.set(type, resolve));
  try {
    await aMiss({ app, counting, event }); // the servers learn the scripts, and the parents of the lock nodes are made
    return await act({ app, counting, event });
  } finally {
    await app.close();
    counting.close();
  }
}

/** Ends when the lock has been given back, for which the caller does not wait. */
async function aMiss({ app, event }: Scene): Promise<void> {
  const released = event('lock-released');
  await app.cache.getOrLoad(['row', randomUUID()], () => 'value');
  await released;
}

/** Rows of counts of servers, each bound in its place. */
function serversRow(what: string, part: string, asked: Asked, bounds: Asked, exact = false): Row {
  const bound = (figure: number) => (exact ? { atMost: figure, atLeast: figure } : { atMost: figure });
  return countRow({ part, what }, 'count', {
    'Redis requests': { figure: asked.redis, bound: bound(bounds.redis) },
    'ZooKeeper writes': { figure: asked.writes, bound: bound(bounds.writes) },
    'ZooKeeper reads': { figure: asked.reads, bound: { atMost: bounds.reads } },
  });
}

export function hitRequests(stage: Stage): Promise<Row[]> {
  return within(stage, async ({ app, counting }) => {
    await app.cache.getOrLoad(['hot'], () => 'value');
    const runs: Asked[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      runs.push(await counting.during(() => app.cache.getOrLoad(['hot'], () => 'value')));
    }
    return [serversRow('a hit', 'hit', most(runs), { redis: 1, writes: 0, reads: 0 }, true)];
  });
}

export function missRequests(stage: Stage): Promise<Row[]> {
  return within(stage, async (scene) => {
    const runs: Asked[] = [];
    for (let round = 0; round < ROUNDS; round++) runs.push(await scene.counting.during(() => aMiss(scene)));
    return [serversRow('a miss, alone', 'miss', most(runs), { redis: 3, writes: 2, reads: 2 }, true)];
  });
}

export function staleRequests(stage: Stage): Promise<Row[]> {
  return within(stage, async ({ app, counting, event }) => {
    const policy = { ttlMs: 1, staleWhileRevalidateMs: 3_600_000 };
    const key = ['stale'];
    await app.cache.getOrLoad(key, () => 'old', policy);
    await delay(5);
    let finish: (value: string) => void = () => undefined;
    const loading = event('load-started');
    const refresh = (): Promise<string> => new Promise((resolve) => (finish = resolve));
    // 1. The first that finds it stale starts the refresh, which loads until it is told to finish.
    await app.cache.getOrLoad(key, refresh, policy);
    await loading;
    // 2. Meanwhile others come.
    const runs: Asked[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      runs.push(await counting.during(() => app.cache.getOrLoad(key, () => 'never', policy)));
    }
    const released = event('lock-released');
    finish('new');
    await released;
    return [
      serversRow('a stale hit during another’s refresh', 'stale', most(runs), { redis: 1, writes: 0, reads: 0 }, true),
    ];
  });
}

/** A holder and a waiter, each in a process of its own. */
interface Pair {
  readonly counting: Counting;
  readonly holder: Worker;
  readonly waiter: Worker;
}

export async function waiterRequests(stage: Stage): Promise<Row[]> {
  const counting = await Counting.on(stage);
  const settings = {
    namespace: stage.namespace(),
    redisUrl: counting.redis.url,
    zooKeeperConnect: counting.zooKeeper.connectString,
    lock: 'zookeeper',
  };
  const [holder, waiter] = await Promise.all([stage.worker('instance', settings), stage.worker('instance', settings)]);
  const pair = { counting, holder, waiter };
  try {
    for (const worker of [holder, waiter]) await alone(pair, worker);
    return [
      await duringTheLoad(pair, stage.options.quick ? 200 : 3_000),
      await inTheSameInstant(pair, stage.options.quick ? 10 : 50),
    ];
  } finally {
    await stage.closeWorker(holder);
    await stage.closeWorker(waiter);
    counting.close();
  }
}

async function alone({ counting }: Pair, worker: Worker): Promise<Asked> {
  return counting.during(async () => {
    const released = worker.event('lock-released');
    await worker.ask('load', { key: randomUUID(), gated: false });
    await released;
  });
}

/** The waiter comes while the holder loads, and waits `loadMs`; what the holder does meanwhile is known from a load without a waiter. */
async function duringTheLoad(pair: Pair, loadMs: number): Promise<Row> {
  const { counting, holder, waiter } = pair;
  const heldLoad = async (waits: boolean): Promise<Asked> => {
    const key = randomUUID();
    const started = holder.event('load-started');
    const held = holder.ask('load', { key, gated: true });
    await started;
    return counting.during(async () => {
      const busy = waiter.event('lock-busy');
      const waited = waits ? waiter.ask('load', { key, gated: false }) : undefined;
      if (waits) await busy;
      await delay(loadMs);
      const released = holder.event('lock-released');
      await holder.ask('open', { key });
      await Promise.all([held, released, waited]);
    });
  };
  const withoutWaiter = await heldLoad(false);
  const asked = beyond(await heldLoad(true), withoutWaiter);
  return serversRow(`a waiter in another process, a load of ${loadMs / 1_000} s`, 'waiter', asked, {
    redis: 3,
    writes: 0,
    reads: 2,
  });
}

/** Both come at once; whichever of them loads, the other may ask for so much beyond what a load alone asks for. */
async function inTheSameInstant(pair: Pair, rounds: number): Promise<Row> {
  const { counting, holder, waiter } = pair;
  const one = await alone(pair, holder);
  const runs: Asked[] = [];
  for (let round = 0; round < rounds; round++) {
    const key = randomUUID();
    const both = await counting.during(async () => {
      const busy = Promise.race([holder.event('lock-busy'), waiter.event('lock-busy')]);
      const started = Promise.race([holder.event('load-started'), waiter.event('load-started')]);
      const released = Promise.race([holder.event('lock-released'), waiter.event('lock-released')]);
      const answers = [holder, waiter].map((worker) => worker.ask('load', { key, gated: true }));
      await Promise.all([busy, started]);
      await Promise.all([holder.ask('open', { key }), waiter.ask('open', { key })]);
      await Promise.all([...answers, released]);
    });
    runs.push(beyond(both, one));
  }
  const what = `a waiter in another process, arriving in the same instant (the most of ${rounds} times)`;
  return serversRow(what, 'waiter', most(runs), { redis: 3, writes: 1, reads: 2 });
}
