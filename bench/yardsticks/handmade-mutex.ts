import { randomUUID } from 'node:crypto';
import type { RedisClientType } from 'redis';

/** How often a waiter asks again. */
const POLL_MS = 50;
const LOCK_MS = 30_000;
const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;

/** What one writes by hand against a stampede: a map of promises in the process, SET NX across processes, and waiters who ask again every 50 ms. */
export class HandmadeMutex {
  private readonly flights = new Map<string, Promise<unknown>>();

  constructor(private readonly client: Pick<RedisClientType, 'get' | 'set' | 'eval'>) {}

  async getOrLoad<T>(key: string, loader: () => Promise<T>): Promise<T> {
    const found = await this.client.get(key);
    if (found !== null) return JSON.parse(found) as T;
    const flight = this.flights.get(key) ?? this.launch(key, loader);
    return flight as Promise<T>;
  }

  private launch(key: string, loader: () => Promise<unknown>): Promise<unknown> {
    const flight = this.loadOrWait(key, loader).finally(() => this.flights.delete(key));
    this.flights.set(key, flight);
    return flight;
  }

  private async loadOrWait(key: string, loader: () => Promise<unknown>): Promise<unknown> {
    const owner = randomUUID();
    for (;;) {
      if ((await this.client.set(`${key}:lock`, owner, { NX: true, PX: LOCK_MS })) !== null) break;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      const found = await this.client.get(key);
      if (found !== null) return JSON.parse(found);
    }
    try {
      const again = await this.client.get(key);
      if (again !== null) return JSON.parse(again);
      const value = await loader();
      await this.client.set(key, JSON.stringify(value), { PX: 3_600_000 });
      return value;
    } finally {
      await this.client.eval(RELEASE, { keys: [`${key}:lock`], arguments: [owner] });
    }
  }
}
