import { createClient } from 'redis';
import { systemClock } from 'nestjs-distributed-cache';
import { zooKeeperLock } from 'nestjs-distributed-cache/zookeeper';
import { interleave } from '../interleave.js';
import { countRow, ratioRow, type Row } from '../row.js';
import type { Stage } from '../stage.js';
import { median } from '../statistics.js';
import type { Burst, BurstAnswer } from '../worker/instance.js';
import type { Worker } from '../worker/worker.js';

const PART = 'stampede';
const CALLERS = 50;
const QUERY_MS = 100;
/** Long enough for the agreed start to have reached every process. */
const NOTICE_MS = 150;
/** The processes among which the slowest answer has a budget. */
const BUDGETED = 16;

type By = Burst['by'];

interface Outcome {
  readonly loads: number;
  readonly slowestMs: number;
  readonly loadMs: number;
}

/** N processes, 50 callers in each, one cold key, all at once. */
export async function stampede(stage: Stage): Promise<Row[]> {
  const [redis, zooKeeper] = await Promise.all([stage.redis(), stage.zooKeeper()]);
  const settings = {
    namespace: stage.namespace(),
    redisUrl: redis.url,
    zooKeeperConnect: zooKeeper.connectString,
    lock: 'zookeeper',
  };
  const { processes, quick } = stage.options;
  const workers: Worker[] = [];
  const bareMs = await bareRoundTripsMs(redis.url, zooKeeper.connectString);
  const rows: Row[] = [];
  for (const count of sizes(processes)) {
    stage.progress(`stampede: ${count} process${count === 1 ? '' : 'es'}`);
    while (workers.length < count) workers.push(await stage.worker('instance', settings));
    rows.push(...(await ofSize(workers, bareMs, quick ? 2 : 11)));
  }
  await Promise.all(workers.map((worker) => stage.closeWorker(worker)));
  return rows;
}

function sizes(processes: number): number[] {
  const powers = [1, 2, 4, 8, 16, 32].filter((size) => size < processes);
  return [...powers, processes];
}

async function ofSize(workers: readonly Worker[], bareMs: number, rounds: number): Promise<Row[]> {
  const outcomes: Record<By, Outcome[]> = { library: [], mutex: [] };
  const slice = (by: By) => async () => {
    const outcome = await burst(workers, by);
    outcomes[by].push(outcome);
    return outcome.slowestMs / (outcome.loadMs + bareMs);
  };
  const told = await interleave({ library: slice('library'), mutex: slice('mutex') }, rounds);
  const who = `${workers.length} × ${CALLERS} callers, one cold key`;
  const loads = Math.max(...outcomes.library.map((outcome) => outcome.loads));
  const of = 'load + round trips';
  return [
    countRow({ part: PART, what: `${who} (the most of ${rounds} times)` }, 'count', {
      loads: { figure: loads, bound: { atMost: 1, atLeast: 1 } },
    }),
    ratioRow(
      { part: PART, what: `${who}: slowest answer, load of ${QUERY_MS} ms`, of },
      told.library,
      workers.length === BUDGETED ? { atMost: 1.25 } : undefined,
    ),
    ratioRow({ part: PART, what: `${who}: the same by a hand-made Redis mutex with single-flight`, of }, told.mutex),
  ];
}

let serial = 0;

async function burst(workers: readonly Worker[], by: By): Promise<Outcome> {
  const startAtMs = performance.timeOrigin + performance.now() + NOTICE_MS;
  const plan: Burst = { by, key: `key-${++serial}`, callers: CALLERS, queryMs: QUERY_MS, startAtMs };
  const answers = await Promise.all(workers.map((worker) => worker.ask<BurstAnswer>('burst', plan)));
  const loadsMs = answers.flatMap((answer) => answer.loadsMs);
  return {
    loads: loadsMs.length,
    slowestMs: Math.max(...answers.map((answer) => answer.slowestMs)),
    loadMs: Math.min(...loadsMs),
  };
}

/** What any such load needs at least, one after the other in a process at rest: three commands to Redis, and to take a lock that is free. */
async function bareRoundTripsMs(redisUrl: string, connectString: string): Promise<number> {
  const client = await createClient({ url: redisUrl }).connect();
  const lock = await zooKeeperLock({ connectString }).createLockProvider({
    namespace: 'bench-bare',
    clock: systemClock,
    storeTimeoutMs: 1_000,
    lockTimeoutMs: 10_000,
    report: () => undefined,
  });
  const times: number[] = [];
  for (let round = 0; round < 30; round++) {
    const since = performance.now();
    for (let command = 0; command < 3; command++) await client.get('nothing');
    const taken = await lock.tryAcquire(`key-${round}`, { timeoutMs: 10_000 });
    times.push(performance.now() - since);
    if (taken.acquired) await taken.release();
  }
  await Promise.all([client.close(), lock.close()]);
  return median(times);
}
