import { describe, expect, it } from 'vitest';
import { InvalidOptionsError } from '../../../lib/core/errors.js';
import { describeEndpoint, parseRedisUrl } from '../../../lib/redis-client/redis-url.js';

describe('parseRedisUrl', () => {
  it.each([
    ['redis://localhost', { host: 'localhost', port: 6379, tls: false, database: 0 }],
    ['rediss://cache.example:6380/3', { host: 'cache.example', port: 6380, tls: true, database: 3 }],
    [
      'redis://me:p%40ss%2Fword@h:1/',
      { host: 'h', port: 1, tls: false, username: 'me', password: 'p@ss/word', database: 0 },
    ],
    ['redis://:secret@h', { host: 'h', port: 6379, tls: false, password: 'secret', database: 0 }],
    ['redis://[::1]:7000', { host: '::1', port: 7000, tls: false, database: 0 }],
  ])('reads %s', (url, endpoint) => {
    expect(parseRedisUrl(url)).toEqual(endpoint);
  });

  it.each([
    ['localhost:6379', /protocol/],
    ['', /not a URL/],
    ['http://localhost', /protocol http/],
    ['redis://', /no host|not a URL/],
    ['redis://h/zero', /database "zero"/],
    ['redis://h/-1', /database/],
    ['redis://h?tls=true', /query/],
    ['redis://u:%zz@h', /stray %/],
    [undefined, /got undefined/],
    [42, /got number/],
  ])('refuses %s', (url, message) => {
    expect(() => parseRedisUrl(url)).toThrow(InvalidOptionsError);
    expect(() => parseRedisUrl(url)).toThrow(message);
  });

  it('never shows a password', () => {
    expect(describeEndpoint(parseRedisUrl('rediss://me:secret@h:1/2'))).toBe('h:1/2 (TLS)');
    expect(() => parseRedisUrl('http://me:secret@h')).toThrow(expect.not.stringContaining('secret'));
    expect(() => parseRedisUrl('redis://me:secret@h/x')).toThrow(expect.not.stringContaining('secret'));
  });
});
