export { redisLock, type RedisLockOptions } from './locks/redis/redis-lock.js';
export { redisStore, type RedisStoreOptions } from './stores/redis/redis-store.js';
