/** Real servers for the tests, the benchmark and the sample's cluster: installed ones as child processes, else containers. */
export { freePort } from './free-port.js';
export { startPostgres, type OwnPostgres } from './postgres.js';
export { startPostgresReplica } from './postgres-replica.js';
export { startRedis, type OwnRedis, type RedisOptions } from './redis.js';
export { ask, type OwnServer } from './server-process.js';
export { startZooKeeper, type OwnZooKeeper, type ZooKeeperOptions } from './zookeeper.js';
