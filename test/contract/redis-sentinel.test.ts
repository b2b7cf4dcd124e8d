import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedisSentinel, type OwnRedisSentinel } from '../../servers/index.js';
import { sentinelClients } from '../support/redis-topologies.js';
import { ClientPool, complaintsOf, lockCases, storeCases } from './support/redis-contracts.js';

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

// Most cases wait for something, so all clients go through theirs at the same time.
for (const [name, make] of Object.entries(sentinelClients)) {
  describe.concurrent(`on a Redis behind Sentinels, by ${name}`, () => {
    const clients = new ClientPool(() => make(sentinel.endpoints));
    afterAll(() => clients.close());

    it('the versioned store keeps its contract', { timeout: 300_000 }, async () => {
      expect(await complaintsOf(storeCases(clients, () => admin))).toEqual([]);
    });

    it('the Redis lock keeps its contract', { timeout: 300_000 }, async () => {
      expect(await complaintsOf(lockCases(clients, () => admin))).toEqual([]);
    });
  });
}
