import 'reflect-metadata';
import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  DistributedCacheModule,
  DistributedCacheService,
  LockProvider,
  LockUnavailableError,
  type CacheEvent,
  type HeldLock,
  type LockProviderFactory,
  type LockState,
  type ProviderContext,
} from 'nestjs-distributed-cache';
import { ManualClock } from 'nestjs-distributed-cache/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { InProcessVersionedStore } from '../../../lib/stores/in-process-versioned-store.js';
import { StagedStore } from '../../support/staged-store.js';

/** A lock service whose connection a test cuts and mends. */
class CutLocks extends LockProvider {
  readonly name = 'cut';
  state: LockState = 'connecting';
  readonly asked: string[] = [];

  constructor(private readonly context: ProviderContext) {
    super();
  }

  /** As a provider that watches its connection does: it tells each change. */
  become(state: LockState): void {
    const previous = this.state;
    this.state = state;
    this.context.report({ type: 'lock-state', provider: this.name, state, previous });
  }

  tryAcquire(key: string): Promise<HeldLock> {
    this.asked.push(key);
    if (this.state !== 'connected') return Promise.reject(new LockUnavailableError('no answer'));
    return Promise.resolve({
      acquired: true,
      token: 1n,
      signal: new AbortController().signal,
      release: () => Promise.resolve(),
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

let app: INestApplicationContext | undefined;

afterEach(async () => {
  await app?.close();
  app = undefined;
});

async function start() {
  const clock = new ManualClock();
  const events: CacheEvent[] = [];
  let locks!: CutLocks;
  const lock: LockProviderFactory = {
    description: 'cut',
    createLockProvider: (context) => {
      locks = new CutLocks(context);
      locks.become('connected'); // before there is a cache that could be told
      return locks;
    },
  };
  const options = {
    namespace: 'unit',
    store: new StagedStore(new InProcessVersionedStore({ clock, maxEntries: 100 })),
    lock,
    clock,
    log: false,
    observers: [{ observe: (event: CacheEvent) => void events.push(event) }],
  };
  class RootModule {}
  Module({ imports: [DistributedCacheModule.forRoot(options)] })(RootModule);
  app = await NestFactory.createApplicationContext(RootModule, { logger: false, abortOnError: false });
  const cache = app.get(DistributedCacheService);
  const lockBreaker = (): string[] =>
    events.flatMap((event) => (event.type === 'breaker-changed' && event.server === 'lock' ? [event.state] : []));
  return { cache, clock, lockBreaker, locks };
}

describe('a lock provider that says it is connected again', () => {
  it('is probed at once, though the next probe of its breaker is not due yet', async () => {
    const { cache, clock, lockBreaker, locks } = await start();
    locks.become('suspended');
    await cache.getOrLoad(['a'], () => 1); // opens the breaker: the connection says itself that it is down
    const asked = locks.asked.length;
    for (const state of ['connecting', 'lost'] as const) locks.become(state);
    await clock.settle();
    expect([lockBreaker(), locks.asked.length - asked]).toEqual([['open'], 0]);
    // Time stands still, so no probe is due.
    locks.become('connected');
    await clock.settle();
    expect([lockBreaker(), locks.asked.length - asked]).toEqual([['open', 'half-open', 'closed'], 1]);
    await cache.getOrLoad(['b'], () => 1);
    expect(locks.asked).toHaveLength(asked + 2);
  });
});
