// A process that takes a lock and holds it until it is killed. Arguments: URL, namespace, key, ttlMs.
import { register } from 'node:module';

register('../../../support/typescript-hooks.mjs', import.meta.url);
const { redisLock } = await import('../../../../lib/locks/redis/redis-lock.ts');
const { systemClock } = await import('../../../../lib/core/clock.ts');

const [url, namespace, key, ttlMs] = process.argv.slice(2);
const provider = await redisLock({ url, ttlMs: Number(ttlMs) }).createLockProvider({
  namespace,
  clock: systemClock,
  storeTimeoutMs: 10_000,
  lockTimeoutMs: 10_000,
  report: () => undefined,
});
const held = await provider.tryAcquire(key, { timeoutMs: 20_000 });
process.send({ acquired: held.acquired, token: String(held.token) });
