import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { BusyLock, HeldLock, LockProvider, WakeReason } from '../../core/lock-provider.js';
import type { ContractCase } from '../contract-case.js';
import type { LockProviderHarness } from './lock-harness.js';

/** No step of a healthy provider takes this long, on a loaded machine either; a step that does counts as hanging. */
const DEFAULT_PATIENCE_MS = 20_000;

/** What one case plays on: providers that are closed when it ends, and the few moves every case is made of. */
export class LockStage {
  readonly #harness: LockProviderHarness;
  readonly #opened: LockProvider[] = [];
  /** A step that takes longer counts as hanging. */
  readonly patienceMs: number;

  constructor(harness: LockProviderHarness) {
    this.#harness = harness;
    this.patienceMs = harness.patienceMs ?? DEFAULT_PATIENCE_MS;
  }

  async open(): Promise<LockProvider> {
    const provider = await this.within(this.#harness.open(), 'open()');
    this.#opened.push(provider);
    return provider;
  }

  /** Two processes on one service. */
  async openTwo(): Promise<[LockProvider, LockProvider]> {
    return [await this.open(), await this.open()];
  }

  async end(): Promise<void> {
    await this.within(Promise.all(this.#opened.map((provider) => provider.close())), 'close() of every provider');
    if (this.#harness.leftovers) await this.#assertNothingLeft(this.#harness.leftovers.bind(this.#harness));
  }

  attempt(provider: LockProvider, key: string): Promise<HeldLock | BusyLock> {
    return this.within(provider.tryAcquire(key, { timeoutMs: this.patienceMs }), 'tryAcquire()');
  }

  /** Takes a lock that is free. */
  async acquire(provider: LockProvider, key: string): Promise<HeldLock> {
    if (this.#harness.lagging === true) return this.acquireSoon(provider, key);
    const lock = await this.attempt(provider, key);
    if (!lock.acquired) lock.dispose();
    assert.ok(lock.acquired, 'the lock is free, so the attempt gets it');
    return lock;
  }

  async findBusy(provider: LockProvider, key: string): Promise<BusyLock> {
    const lock = await this.attempt(provider, key);
    assert.ok(!lock.acquired, 'the lock is held by another, so the attempt finds it busy');
    return lock;
  }

  /** Asserts that somebody holds `key`, and leaves no watch behind. */
  async assertHeld(observer: LockProvider, key: string): Promise<void> {
    (await this.findBusy(observer, key)).dispose();
  }

  /** Takes a lock that is free, or about to be. */
  async acquireSoon(provider: LockProvider, key: string): Promise<HeldLock> {
    const giveUpAt = performance.now() + this.patienceMs;
    for (;;) {
      const lock = await this.attempt(provider, key);
      if (lock.acquired) return lock;
      await this.waitFor(lock);
      assert.ok(performance.now() < giveUpAt, 'the lock becomes free');
    }
  }

  waitFor(lock: BusyLock, timeoutMs = this.patienceMs / 2): Promise<WakeReason> {
    return this.within(lock.wait({ timeoutMs }), 'wait()');
  }

  async within<T>(work: Promise<T>, what: string): Promise<T> {
    const stop = new AbortController();
    const overdue = delay(this.patienceMs, undefined, { signal: stop.signal }).then(
      () => assert.fail(`${what} took longer than ${String(this.patienceMs)} ms`),
      () => undefined as never,
    );
    try {
      return await Promise.race([work, overdue]);
    } finally {
      stop.abort();
    }
  }

  async #assertNothingLeft(leftovers: () => Promise<readonly string[]>): Promise<void> {
    const giveUpAt = performance.now() + this.patienceMs;
    let left = await leftovers();
    while (left.length > 0 && performance.now() < giveUpAt) {
      await delay(50);
      left = await leftovers();
    }
    assert.deepEqual(left, [], 'nothing is left at the lock service once every provider is closed');
  }
}

/** One case: staged, played, and cleaned up whether or not it holds. */
export function lockCase(
  harness: LockProviderHarness,
  name: string,
  play: (stage: LockStage) => Promise<void>,
): ContractCase {
  return {
    name,
    run: async () => {
      const stage = new LockStage(harness);
      try {
        await play(stage).finally(() => stage.end());
      } finally {
        await harness.dispose();
      }
    },
  };
}

/** A key no other case uses. */
export function freshKey(): string {
  return `contract-${randomUUID()}`;
}

/** The holder is gone; whether it said so itself is more than some services can tell. */
export function assertFreed(reason: WakeReason): void {
  assert.ok(
    reason === 'released' || reason === 'vanished',
    `the wait ends because the lock is free, but it ended with '${reason}'`,
  );
}
