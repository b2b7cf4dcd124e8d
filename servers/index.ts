/** Real servers for the tests, the benchmark and the sample's cluster: installed ones as child processes, else containers. */
export { freePort } from './free-port.js';
export { startMariaDb, type OwnMariaDb } from './mariadb.js';
export { startPostgres, type OwnPostgres } from './postgres.js';
export { startRedisCluster, type OwnRedisCluster, type RedisClusterOptions } from './redis-cluster.js';
export { startRedisSentinel, type OwnRedisSentinel, type RedisSentinelOptions } from './redis-sentinel.js';
export { startPostgresReplica } from './postgres-replica.js';
export { startRedis, type OwnRedis, type RedisOptions } from './redis.js';
export { guard } from './server-guard.js';
export { ask, type OwnServer } from './server-process.js';
export { zooKeeperCounters, type ZooKeeperCounters } from './zookeeper-counters.js';
export { startZooKeeperEnsemble, type OwnZooKeeperEnsemble } from './zookeeper-ensemble.js';
export { startZooKeeper, type OwnZooKeeper, type ZooKeeperOptions } from './zookeeper.js';
