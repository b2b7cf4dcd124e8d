import type { TestProject } from 'vitest/node';

import { startPostgres, startRedis, startZooKeeper, type OwnServer } from '../../servers/index.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A Redis shared by all test files, such as `redis://127.0.0.1:6379`. Use a namespace of your own. */
    redisUrl: string;
    /** A ZooKeeper shared by all test files, such as `127.0.0.1:2181`. Use a root node of your own. */
    zooKeeperConnect: string;
    /** A PostgreSQL shared by all test files, with the right to make tables. Use a schema of your own. */
    postgresUrl: string;
  }
}

/**
 * Obtains the servers that all test files share: given by a variable, else installed, else installed now by apt-get,
 * else in containers. What was started here is removed at the end.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started: OwnServer[] = [];
  const obtain = async <S extends OwnServer>(
    given: string | undefined,
    start: () => Promise<S>,
    address: (s: S) => string,
  ) => {
    if (given !== undefined && given !== '') return given;
    const server = await start();
    started.push(server);
    return address(server);
  };
  const stopAll = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.stop()));
  };
  const [redis, zooKeeper, postgres] = await Promise.allSettled([
    obtain(process.env.TEST_REDIS_URL, startRedis, (server) => server.url),
    obtain(process.env.TEST_ZOOKEEPER_CONNECT, startZooKeeper, (server) => server.connectString),
    obtain(process.env.TEST_POSTGRES_URL, startPostgres, (server) => server.url),
  ]);
  if (redis.status === 'rejected' || zooKeeper.status === 'rejected' || postgres.status === 'rejected') {
    await stopAll();
    const failures = [redis, zooKeeper, postgres].filter((result) => result.status === 'rejected');
    const reasons = failures.map((failure): unknown => failure.reason);
    throw new AggregateError(reasons, reasons.map(String).join('\n'));
  }
  project.provide('redisUrl', redis.value);
  project.provide('zooKeeperConnect', zooKeeper.value);
  project.provide('postgresUrl', postgres.value);
  return stopAll;
}
