import { setTimeout as rest } from 'node:timers/promises';
import type { OwnRedis, OwnZooKeeper } from '../../servers/index.js';
import { monotonicNs, type HistoryRecord } from './history.js';
import { FAULTS, type Fault } from './plan.js';
import type { WorkerFleet } from './worker-fleet.js';

/** Does to a run what its plan says, and records it. */
export class Faults {
  constructor(
    private readonly redis: OwnRedis,
    private readonly zooKeeper: OwnZooKeeper,
    private readonly fleet: WorkerFleet,
    private readonly evict: (random: number) => Promise<void>,
    private readonly record: (record: HistoryRecord) => void,
  ) {}

  /**
   * All of them, at their times; those of one target never overlap. Resolves when everything runs again. When the run is over before they are done,
   * because it is enough or on a machine on which they take longer than planned, what has happened before is left out.
   */
  async perform(plan: readonly Fault[], over: AbortSignal): Promise<void> {
    const begin = performance.now();
    const happened = new Set<string>();
    const targets = new Set(plan.map(({ kind }) => FAULTS[kind].target));
    const perform = async (target: string): Promise<void> => {
      for (const fault of plan.filter(({ kind }) => FAULTS[kind].target === target)) {
        if (over.aborted && happened.has(fault.kind)) continue;
        await rest(Math.max(0, begin + fault.atMs - performance.now()), undefined, { signal: over }).catch(
          () => undefined,
        );
        if (over.aborted && happened.has(fault.kind)) continue;
        happened.add(fault.kind);
        this.record({ t: 'fault', at: monotonicNs(), kind: fault.kind });
        await this.one(fault);
      }
    };
    await Promise.all([...targets].map(perform));
  }

  private async one({ kind, forMs, worker, atMs }: Fault): Promise<void> {
    switch (kind) {
      case 'redis-killed':
        return killed(this.redis, forMs);
      case 'redis-frozen':
        return frozen(this.redis, forMs);
      case 'zookeeper-killed':
        return killed(this.zooKeeper, forMs);
      case 'zookeeper-frozen':
        return frozen(this.zooKeeper, forMs);
      case 'worker-stopped':
      case 'worker-stopped-past-its-session':
        return this.fleet.stopped(worker, forMs);
      case 'worker-killed':
        return this.fleet.replace(worker);
      case 'key-evicted':
        return this.evict(atMs);
    }
  }
}

async function killed(server: OwnRedis | OwnZooKeeper, forMs: number): Promise<void> {
  await server.kill();
  await rest(forMs);
  await server.restart();
}

async function frozen(server: OwnRedis | OwnZooKeeper, forMs: number): Promise<void> {
  server.pause();
  await rest(forMs);
  server.resume();
}
