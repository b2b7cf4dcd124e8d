import { describe, expect, it } from 'vitest';
import { KeyedQueue } from '../../../lib/stores/keyed-queue.js';
import { deferred } from '../../support/gate.js';

describe('KeyedQueue', () => {
  it('runs tasks of one key one after the other, also after one that failed', async () => {
    const queue = new KeyedQueue();
    const told: string[] = [];
    const gate = deferred<undefined>();
    const first = queue.run('k', async () => {
      told.push('first begins');
      await gate.promise;
      told.push('first ends');
      throw new Error('first');
    });
    const second = queue.run('k', () => Promise.resolve(told.push('second')));
    const other = queue.run('other', () => Promise.resolve(told.push('other')));
    await other;
    expect(told).toEqual(['first begins', 'other']);
    gate.resolve(undefined);
    await expect(first).rejects.toThrow('first');
    await second;
    expect(told).toEqual(['first begins', 'other', 'first ends', 'second']);
  });

  it('lets a task that comes while a later one runs wait for that one', async () => {
    const queue = new KeyedQueue();
    const told: string[] = [];
    const gate = deferred<undefined>();
    const started = deferred<undefined>();
    // 1. the first ends while the second waits; 2. the second runs; 3. the third comes.
    const first = queue.run('k', () => Promise.resolve());
    const second = queue.run('k', async () => {
      started.resolve(undefined);
      await gate.promise;
      told.push('second');
    });
    await first;
    await started.promise;
    await new Promise((resolve) => setImmediate(resolve));
    const third = queue.run('k', () => Promise.resolve(told.push('third')));
    await new Promise((resolve) => setImmediate(resolve));
    gate.resolve(undefined);
    await Promise.all([second, third]);
    expect(told).toEqual(['second', 'third']);
  });

  it('keeps nothing of a key without tasks', async () => {
    const queue = new KeyedQueue();
    await Promise.all([
      queue.run('a', () => Promise.resolve()),
      queue.run('a', () => Promise.resolve()),
      queue.run('b', () => Promise.resolve()),
    ]);
    await expect(queue.run('c', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await new Promise((resolve) => setImmediate(resolve));
    expect(queue.size).toBe(0);
  });
});
