import { describe, expect, it } from 'vitest';
import { ExpiryBuckets } from '../../../lib/stores/expiry-buckets.js';

describe('ExpiryBuckets', () => {
  it('tells what has ended, never early and at most one width late', () => {
    const buckets = new ExpiryBuckets(100);
    buckets.add('a', 100);
    buckets.add('b', 100.5);
    buckets.add('c', 200);
    expect(buckets.due(99.9, 10)).toEqual([]);
    expect(buckets.due(100, 10)).toEqual(['a']);
    expect(buckets.due(200, 10)).toEqual(['a', 'b', 'c']);
  });

  it('forgets what is taken out, and the bucket with it', () => {
    const buckets = new ExpiryBuckets(100);
    buckets.add('a', 50);
    buckets.add('b', 60);
    buckets.remove('a', 50);
    buckets.remove('unknown', 50);
    expect(buckets.due(100, 10)).toEqual(['b']);
    buckets.remove('b', 60);
    expect(buckets.due(1_000, 10)).toEqual([]);
    expect(buckets.size).toBe(0);
  });

  it('tells no more than it is asked for', () => {
    const buckets = new ExpiryBuckets(100);
    for (let index = 0; index < 10; index += 1) buckets.add(`${index}`, index * 60);
    expect(buckets.due(10_000, 4)).toHaveLength(4);
    expect(buckets.due(10_000, 10)).toHaveLength(10);
  });
});
