import { zooKeeperCounters, type OwnRedis, type OwnZooKeeper } from '../../servers/index.js';
import { monitorRedis, type RedisMonitor } from '../redis-monitor.js';
import type { Stage } from '../stage.js';

/** What servers were asked while something ran. */
export interface Asked {
  readonly redis: number;
  readonly reads: number;
  readonly writes: number;
}

/** Counts on the servers: requests to Redis by MONITOR (what scripts call inside is none), operations of ZooKeeper by `mntr`. */
export class Counting {
  private constructor(
    readonly redis: OwnRedis,
    readonly zooKeeper: OwnZooKeeper,
    private readonly monitor: RedisMonitor,
  ) {}

  static async on(stage: Stage): Promise<Counting> {
    const [redis, zooKeeper] = await Promise.all([stage.redis(), stage.zooKeeper()]);
    return new Counting(redis, zooKeeper, await monitorRedis(redis.url));
  }

  /** `work` must end when the servers have answered all that belongs to it. */
  async during(work: () => Promise<unknown>): Promise<Asked> {
    const before = await this.totals();
    await work();
    const after = await this.totals();
    return {
      redis: after.redis - before.redis,
      reads: after.reads - before.reads,
      writes: after.writes - before.writes,
    };
  }

  close(): void {
    this.monitor.close();
  }

  private async totals(): Promise<Asked> {
    const [commands, { reads, writes }] = await Promise.all([
      this.monitor.commands(),
      zooKeeperCounters(this.zooKeeper.port),
    ]);
    return { redis: commands.length, reads, writes };
  }
}

/** What one caused beyond what the other did. */
export function beyond(asked: Asked, other: Asked): Asked {
  return { redis: asked.redis - other.redis, reads: asked.reads - other.reads, writes: asked.writes - other.writes };
}

/** The most of each of several runs. */
export function most(runs: readonly Asked[]): Asked {
  const highest = (of: (asked: Asked) => number): number => Math.max(...runs.map(of));
  return {
    redis: highest(({ redis }) => redis),
    reads: highest(({ reads }) => reads),
    writes: highest(({ writes }) => writes),
  };
}
