import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import {
  startPostgres,
  startRedis,
  startRedisCluster,
  startZooKeeper,
  startZooKeeperEnsemble,
  type OwnPostgres,
  type OwnRedis,
  type OwnRedisCluster,
  type OwnZooKeeper,
  type OwnZooKeeperEnsemble,
} from '../../servers/index.js';
import { documentedSource } from '../support/documented-clients.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { Fleet } from './fleet.js';
import { SCALES, SETTINGS, type Length, type Scale } from './settings.js';

/**
 * What stands behind the workers: one server of each kind, or three ZooKeepers, or a Redis Cluster; or one of each, sessions that
 * are short, and workers who also write rows.
 */
export const STAGES = ['single', 'rows', 'ensemble', 'cluster'] as const;

export type StageKind = (typeof STAGES)[number];

export const REDIS_PASSWORD = 'of-the-tests';

/** The servers of a case, each with a proxy in front of it, and the workers. Members of an ensemble or a cluster are named to their clients by their own addresses, so these are reached directly. */
export class Stage {
  readonly fleet: Fleet;
  /** Nobody has made it before the first worker comes. */
  readonly chroot = `/faults/${randomUUID()}`;
  /** How many requests the machine has shown to carry, in a second and for each policy. */
  requestsPerSecond = 0;
  /** Past the proxy. */
  readonly admin: Redis;

  private constructor(
    readonly kind: StageKind,
    readonly length: Length,
    readonly servers: Servers,
    readonly proxies: Proxies,
  ) {
    const { redis, ensemble, cluster } = servers;
    const redisUrl = `redis://:${REDIS_PASSWORD}@${proxies.redis.address}`;
    this.admin = new Redis({ port: redis.port, host: '127.0.0.1', password: REDIS_PASSWORD, retryStrategy: () => 100 });
    this.admin.on('error', () => undefined);
    this.fleet = new Fleet(kind === 'rows' ? this.scale.workersOfRows : this.scale.workers, {
      namespace: `faults-${randomUUID()}`,
      redisUrl,
      canaryEveryMs: this.scale.canaryEveryMs,
      ...(cluster && { redisSample: documentedSource('Cluster', 'node-redis', cluster.endpoints) }),
      zooKeeper: {
        connectString: `${ensemble?.connectString ?? proxies.zooKeeper.address}${this.chroot}`,
        ...(kind === 'rows' && { sessionTimeoutMs: SETTINGS.shortSessionTimeoutMs }),
      },
      postgresUrl: `postgres://postgres@${proxies.postgres.address}/postgres`,
      ...(kind === 'rows' && { writesRows: true }),
    });
  }

  static async open(kind: StageKind, length: Length): Promise<Stage> {
    const [redis, zooKeeper, postgres, ensemble, cluster] = await Promise.all([
      startRedis({ args: ['--requirepass', REDIS_PASSWORD] }),
      startZooKeeper({ tickTimeMs: 200 }),
      startPostgres(),
      kind === 'ensemble' ? startZooKeeperEnsemble() : undefined,
      kind === 'cluster' ? startRedisCluster({ nodeTimeoutMs: 2_000 }) : undefined,
    ]);
    const proxies = {
      redis: await TcpProxy.open(redis.port),
      zooKeeper: await TcpProxy.open(zooKeeper.port),
      postgres: await TcpProxy.open(postgres.port),
    };
    return new Stage(kind, length, { redis, zooKeeper, postgres, ensemble, cluster }, proxies);
  }

  get scale(): Scale {
    return SCALES[this.length];
  }

  async close(): Promise<void> {
    await this.fleet.kill();
    this.admin.disconnect();
    const { redis, zooKeeper, postgres, ensemble, cluster } = this.servers;
    const servers = [redis, zooKeeper, postgres, ensemble, cluster].map((server) => server?.stop());
    await Promise.all([...servers, ...[...this.eachProxy()].map(([, proxy]) => proxy.close())]);
  }

  eachProxy(): [string, TcpProxy][] {
    return Object.entries({ ...this.proxies });
  }
}

export interface Servers {
  readonly redis: OwnRedis;
  readonly zooKeeper: OwnZooKeeper;
  readonly postgres: OwnPostgres;
  readonly ensemble: OwnZooKeeperEnsemble | undefined;
  readonly cluster: OwnRedisCluster | undefined;
}

export interface Proxies {
  readonly redis: TcpProxy;
  readonly zooKeeper: TcpProxy;
  readonly postgres: TcpProxy;
}
