import { describe, expect, it } from 'vitest';
import { interleave, rotated } from '../../../bench/interleave.js';
import { median, quantile, ratios, spread } from '../../../bench/statistics.js';

describe('statistics', () => {
  it('the median is the middle one, or lies halfway between the two in the middle', () => {
    expect(median([3])).toBe(3);
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([10, 9, 100])).toBe(10);
  });

  it('a quantile lies between its neighbours in proportion, and leaves the values as they are', () => {
    const values = [40, 10, 30, 20, 50];
    expect([0, 0.25, 0.5, 0.75, 1].map((share) => quantile(values, share))).toEqual([10, 20, 30, 40, 50]);
    expect(quantile([0, 10], 0.25)).toBe(2.5);
    expect(values).toEqual([40, 10, 30, 20, 50]);
    expect(() => quantile([], 0.5)).toThrow('A quantile of nothing');
  });

  it('a spread is the median and the middle half', () => {
    expect(spread([5, 1, 4, 2, 3])).toEqual({ median: 3, low: 2, high: 4 });
  });

  it('ratios are taken round by round, so that what slows both down drops out', () => {
    expect(ratios([2, 20, 200], [1, 10, 100])).toEqual([2, 2, 2]);
    expect(() => ratios([1], [1, 2])).toThrow('a yardstick slice for every slice');
  });
});

describe('interleaving', () => {
  it('each round begins with the next subject', () => {
    expect([0, 1, 2, 3].map((round) => rotated(['a', 'b', 'c'], round).join(''))).toEqual(['abc', 'bca', 'cab', 'abc']);
    expect(rotated([], 1)).toEqual([]);
  });

  it('runs one slice at a time, in the rotated order, and does not count the round that warms up', async () => {
    const order: string[] = [];
    let running = 0;
    const slice = (name: string) => async () => {
      expect(++running).toBe(1);
      order.push(name);
      await Promise.resolve();
      running--;
      return order.length;
    };
    const told = await interleave({ a: slice('a'), b: slice('b'), c: slice('c') }, 3);
    expect(order.join('')).toBe('abcabcbcacab');
    expect(told).toEqual({ a: [4, 9, 11], b: [5, 7, 12], c: [6, 8, 10] });
  });
});
