export { zooKeeperLock } from './locks/zookeeper/zoo-keeper-lock.js';
export type { ZkAuth } from './locks/zookeeper/zk-client-port.js';
export type { ZooKeeperLockOptions } from './locks/zookeeper/zoo-keeper-lock-options.js';
