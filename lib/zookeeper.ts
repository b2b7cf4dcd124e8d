export { zooKeeperLock } from './locks/zookeeper/zoo-keeper-lock.js';
export type { ZooKeeperLockOptions } from './locks/zookeeper/zoo-keeper-lock-options.js';
