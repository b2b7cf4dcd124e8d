import { describe, expect, it } from 'vitest';
import { InvalidOptionsError } from '../../../../lib/core/errors.js';
import { lockName } from '../../../../lib/locks/redis/redis-lock-commands.js';
import { redisLock, type RedisLockOptions } from '../../../../lib/locks/redis/redis-lock.js';

const url = 'redis://user:secret@cache.example:6380/2';

describe('redisLock()', () => {
  it('describes where it goes, and never the credentials', () => {
    const { description } = redisLock({ url });
    expect(description).toContain('cache.example:6380');
    expect(description).not.toContain('secret');
    expect(description).not.toContain('user');
  });

  it.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /expected an object .* got undefined/],
    ['null', null, /got null/],
    ['neither url nor client', {}, /either `url` or `client`, got neither/],
    ['both', { url, client: {} }, /got both/],
    ['an unknown name', { url, ttl: 1 }, /got `ttl`/],
    ['a fraction', { url, ttlMs: 1_000.5 }, /500 to 3600000, got 1000.5/],
    ['too short a time to live', { url, ttlMs: 499 }, /got 499/],
    ['too long a one', { url, ttlMs: 3_600_001 }, /got 3600001/],
    ['a text as time to live', { url, ttlMs: '5000' }, /got "5000"/],
    ['not a URL', { url: 'cache.example' }, /url/],
    ['another protocol', { url: 'http://cache.example' }, /http/],
    ['no client at all', { client: { get: () => undefined } }, /client/],
  ])('refuses %s', (_what, options, message) => {
    const build = (): unknown => redisLock(options as RedisLockOptions);
    expect(build).toThrow(InvalidOptionsError);
    expect(build).toThrow(message);
  });

  it.each([500, 3_600_000])('takes a time to live of %d ms', (ttlMs) => {
    expect(() => redisLock({ url, ttlMs })).not.toThrow();
  });
});

describe('lockName', () => {
  it('is the key itself where that is short', () => {
    expect(lockName('product:7 {a} é')).toBe('product:7 {a} é');
    expect(lockName('x'.repeat(200))).toHaveLength(200);
  });

  it('is bounded', () => {
    expect(lockName('x'.repeat(201))).toMatch(/^#[0-9a-f]{64}$/);
    expect(lockName('x'.repeat(1_024))).toHaveLength(65);
  });

  it('keeps keys apart that UTF-8 or a hash could confuse', () => {
    const keys = ['a\ud800', 'a\ud801', 'a\ufffd', 'x'.repeat(300), lockName('x'.repeat(300))];
    expect(new Set(keys.map(lockName)).size).toBe(keys.length);
    expect(new Set(keys.map((key) => Buffer.from(lockName(key)).toString('hex'))).size).toBe(keys.length);
  });
});
