import { startPostgres, startRedis, startZooKeeper, type OwnServer } from '../../servers/index.js';
import type { SampleAppConfig } from '../config.js';

/** Where the three servers are; each in the form in which its variable of the environment names it. */
export interface ServerAddresses {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly zooKeeperConnect: string;
}

export interface ClusterServers {
  readonly addresses: ServerAddresses;
  /** Ends those that were started here, and removes their data. Those that were named go on. */
  stop(): Promise<void>;
}

interface Obtained {
  readonly address: string;
  readonly own?: OwnServer;
}

/** Takes the servers that are named and starts the others, all at once. When one cannot be had, none is left running. */
export async function startServers(
  named: Pick<SampleAppConfig, 'databaseUrl' | 'redisUrl' | 'zooKeeperConnect'>,
): Promise<ClusterServers> {
  const obtaining = [
    obtain(named.databaseUrl, startPostgres, ({ url }) => url),
    obtain(named.redisUrl, startRedis, ({ url }) => url),
    obtain(named.zooKeeperConnect, startZooKeeper, ({ connectString }) => connectString),
  ] as const;
  const stop = async (): Promise<void> => {
    const settled = await Promise.allSettled(obtaining);
    const own = settled.flatMap((one) => (one.status === 'fulfilled' ? (one.value.own ?? []) : []));
    await Promise.all(own.map((server) => server.stop()));
  };
  try {
    const [database, redis, zooKeeper] = await Promise.all(obtaining);
    const addresses = {
      databaseUrl: database.address,
      redisUrl: redis.address,
      zooKeeperConnect: zooKeeper.address,
    };
    return { addresses, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function obtain<S extends OwnServer>(
  named: string | undefined,
  start: () => Promise<S>,
  addressOf: (server: S) => string,
): Promise<Obtained> {
  if (named !== undefined) return { address: named };
  const own = await start();
  return { address: addressOf(own), own };
}
