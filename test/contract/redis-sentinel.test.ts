import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, vi } from 'vitest';
import { startRedisSentinel, type OwnRedisSentinel } from '../../servers/index.js';
import { sentinelClients } from '../support/redis-topologies.js';
import { MOST_AT_ONCE, ofSeed, testsInTurnOf } from './support/contract-tests.js';
import { ClientPool, lockCases, storeCases } from './support/redis-contracts.js';

vi.setConfig({ maxConcurrency: MOST_AT_ONCE });

let sentinel: OwnRedisSentinel;
let admin: Redis;

beforeAll(async () => {
  sentinel = await startRedisSentinel();
  admin = new Redis((await sentinel.master()).url);
});

afterAll(async () => {
  admin.disconnect();
  await sentinel.stop();
});

for (const [name, make] of Object.entries(sentinelClients)) {
  describe.concurrent(`on a Redis behind Sentinels, by ${name}${ofSeed}`, () => {
    const clients = new ClientPool(() => make(sentinel.endpoints));
    // One for the store, two for holder and waiter.
    beforeAll(() => clients.fill(3));
    afterAll(() => clients.close());

    describe.concurrent('the versioned store', () => {
      testsInTurnOf(storeCases(clients, () => admin));
    });

    describe.concurrent('the Redis lock', () => {
      testsInTurnOf(lockCases(clients, () => admin));
    });
  });
}
