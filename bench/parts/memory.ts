import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { zooKeeperCounters } from '../../servers/index.js';
import { countRow, type Row } from '../row.js';
import type { Stage } from '../stage.js';
import type { MemoryState } from '../worker/memory-run.js';

const PART = 'memory';
const MISSES = 100_000;
const WARM_UP = 300;
const QUIET_WITHIN_MS = 30_000;

interface Left {
  readonly nodes: number;
  readonly watches: number;
  readonly connections: number;
}

/** What grows, and what is left behind, in a process that misses and misses. */
export async function memory(stage: Stage): Promise<Row[]> {
  const { quick } = stage.options;
  const [redis, zooKeeper] = await Promise.all([stage.redis(), stage.zooKeeper()]);
  const pilot = new Redis(redis.url);
  const left = async (): Promise<Left> => {
    const { nodes, watches } = await zooKeeperCounters(zooKeeper.port);
    const clients = (await pilot.client('LIST')) as string;
    return { nodes, watches, connections: clients.trim().split('\n').length };
  };
  const settings = {
    namespace: stage.namespace(),
    redisUrl: redis.url,
    zooKeeperConnect: zooKeeper.connectString,
    lock: 'zookeeper',
  };
  const worker = await stage.worker('memory-run', settings, ['--expose-gc']);
  const misses = quick ? 600 : MISSES;
  const marks: { state: MemoryState; left: Left }[] = [];
  const mark = async (): Promise<void> => {
    const atRest = await quiet(left, marks[0]?.left);
    marks.push({
      state: await worker.ask<MemoryState>('state', { handlesBefore: marks[0]?.state.handles }),
      left: atRest,
    });
  };
  await worker.ask('misses', { from: 0, count: WARM_UP });
  await mark();
  for (let half = 0; half < 2; half++) {
    stage.progress(`memory: ${half === 0 ? 'the first' : 'the last'} ${misses / 2} misses`);
    await worker.ask('misses', { from: WARM_UP + (half * misses) / 2, count: misses / 2 });
    await mark();
  }
  await stage.closeWorker(worker);
  pilot.disconnect();
  return rowsOf(marks, misses, quick);
}

/** Locks are given back after the answer: what is left is what is there once nothing changes any more. */
async function quiet(left: () => Promise<Left>, wanted: Left | undefined): Promise<Left> {
  const until = performance.now() + QUIET_WITHIN_MS;
  for (let found = await left(); ; found = await left()) {
    const asBefore = wanted === undefined || JSON.stringify(found) === JSON.stringify(wanted);
    if ((asBefore && found.watches === 0) || performance.now() > until) return found;
    await delay(50);
  }
}

function rowsOf(marks: readonly { state: MemoryState; left: Left }[], misses: number, quick: boolean): Row[] {
  const [first, half, last] = marks;
  if (first === undefined || half === undefined || last === undefined) throw new Error('The memory run has not ended.');
  const grownMb = (last.state.heapBytes - half.state.heapBytes) / 1_048_576;
  const none = { atMost: 0 };
  const growth = (of: (mark: { state: MemoryState; left: Left }) => number) => ({
    figure: of(last) - of(first),
    bound: none,
  });
  const heap = countRow(
    { part: PART, what: `growth of the heap over the last ${misses / 2} of ${misses} misses` },
    'memory',
    {
      'after a forced collection': { figure: grownMb, bound: { atMost: 2 }, unit: ' MB' },
    },
  );
  return [
    // A short run tells of compiled code, not of leaks.
    quick ? { ...heap, kind: 'time', verdict: 'reported', budget: '' } : heap,
    countRow({ part: PART, what: `left behind by ${misses} misses` }, 'count', {
      'handles and timers': growth(({ state }) => state.handles),
      'listeners of the process': growth(({ state }) => state.processListeners),
      warnings: { figure: last.state.warnings, bound: none },
      'ZooKeeper nodes': growth(({ left }) => left.nodes),
      'ZooKeeper watches': { figure: last.left.watches, bound: none },
      'Redis connections': growth(({ left }) => left.connections),
    }),
  ];
}
