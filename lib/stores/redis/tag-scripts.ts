import type { RedisScript } from '../../redis-client/redis-client.js';
import { redisScript } from '../../redis-client/redis-script.js';

/**
 * A tag is a sorted set: each registered key with the moment until which it is told, and the empty text, which is no key, with the moment of the last
 * announcement, negative so that no trimming by time reaches it. Moments are milliseconds with three decimals.
 */
const PRELUDE = `
if redis.replicate_commands then redis.replicate_commands() end
local tag = KEYS[1]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000
local function text(number) return string.format('%.3f', number) end

local announced = redis.pcall('ZSCORE', tag, '')
if type(announced) == 'table' and announced.err then
  redis.call('DEL', tag)
  announced = false
end
announced = announced and -tonumber(announced) or nil

local function keep_until(moment)
  local left = redis.call('PTTL', tag)
  local missing = math.ceil(moment - now)
  if missing > left then redis.call('PEXPIRE', tag, string.format('%.0f', missing)) end
end
`;

/** Arguments: the key, the load's begin or an empty text, how long it is told, the most keys, how long announcements are remembered, the margin between clocks. */
const REGISTER = `
local is_remembered = announced and announced > now - tonumber(ARGV[5])
-- what was read at an unknown time may have been read before any announcement that is remembered
local begun = tonumber(ARGV[2])
if ARGV[2] == '' then
  if is_remembered then return { 'announced' } end
  begun = now
end
if not begun or begun ~= begun or begun <= now - tonumber(ARGV[5]) then return { 'announced' } end
if announced and announced >= begun - tonumber(ARGV[6]) then return { 'announced' } end

local told_until = now + tonumber(ARGV[3])
local known = tonumber(redis.call('ZSCORE', tag, ARGV[1]) or nil)
if not known or known <= now then
  redis.call('ZREMRANGEBYSCORE', tag, '(0', text(now))
  local others = redis.call('ZCARD', tag)
  if announced then others = others - 1 end
  if others >= tonumber(ARGV[4]) then return { 'full' } end
end
if not known or known < told_until then redis.call('ZADD', tag, text(told_until), ARGV[1]) end
keep_until(told_until)
if is_remembered then return { 'registered', text(begun - announced) } end
return { 'registered' }
`;

/** Arguments: how long it is remembered. Written first: when the server is short of memory it is refused, and the announcement has failed. */
const ANNOUNCE = `
redis.call('ZADD', tag, text(-now), '')
redis.call('ZREMRANGEBYSCORE', tag, '(0', text(now))
keep_until(now + tonumber(ARGV[1]))
return redis.call('ZRANGEBYSCORE', tag, '(0', '+inf')
`;

/** The steps of a tag, one script each; `register` and `announce` see each other whichever comes first. */
export type TagScripts = Readonly<Record<'register' | 'announce', RedisScript>>;

export const tagScripts: TagScripts = {
  register: redisScript(PRELUDE + REGISTER),
  announce: redisScript(PRELUDE + ANNOUNCE),
};
