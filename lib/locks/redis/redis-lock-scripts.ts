import { redisScript } from '../../redis-client/redis-script.js';

/*
 * A lock is one hash: `owner` (who holds it; absent when nobody does) and `token` (the last holder's fencing token). Its expiry is the
 * lock's own, and after a release it is how long the token is remembered.
 *
 * A token is the server's time in microseconds, or the remembered token plus one if that is more. So it grows although the hash is gone in
 * between: the expiry of a hash is a moment of the server's clock that is later than its token, hence a hash that is gone proves that the
 * clock has passed the token. A clock that is set back prolongs the memory by as much. What remains is a step back by more than the time
 * to live that happens after the memory is over.
 */

/** KEYS: lock. ARGV: owner, ttlMs. → `held`, token | `busy`, owner, remaining ms. A repetition by the same owner is recognised. */
export const acquireScript = redisScript(`
local owner = redis.call('HGET', KEYS[1], 'owner')
if owner == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return {'held', redis.call('HGET', KEYS[1], 'token')}
end
if owner then
  return {'busy', owner, tostring(redis.call('PTTL', KEYS[1]))}
end
local time = redis.call('TIME')
local token = tonumber(time[1]) * 1000000 + tonumber(time[2])
local last = tonumber(redis.call('HGET', KEYS[1], 'token') or '0')
if token <= last then token = last + 1 end
local text = string.format('%.0f', token)
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'token', text)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {'held', text}
`);

/** KEYS: lock. → `busy`, owner, remaining ms | `free`. Writes nothing. */
export const lookScript = redisScript(`
local owner = redis.call('HGET', KEYS[1], 'owner')
if not owner then return {'free'} end
return {'busy', owner, tostring(redis.call('PTTL', KEYS[1]))}
`);

/** KEYS: lock. ARGV: owner, ttlMs. → 1 when it is still ours, else 0. */
export const renewScript = redisScript(`
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
`);

/** KEYS: lock. ARGV: owner, ms the token is remembered, channel, message. → 1 when it was ours, else 0. A server that forbids the message frees the lock all the same. */
export const releaseScript = redisScript(`
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'owner')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.pcall('PUBLISH', ARGV[3], ARGV[4])
return 1
`);
