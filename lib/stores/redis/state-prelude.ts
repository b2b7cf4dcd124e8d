/** The latest moment that anything in a state may end at: in the year 3554. */
export const FURTHEST_MS = 50_000_000_000_000;

/**
 * What the writing scripts have in common. The state of a key is a hash, each part of which has its own end; the key's own expiry covers
 * the longest of them. Times are whole milliseconds of the server's clock. The payload is read only where it is returned.
 *
 * | field | is |
 * | --- | --- |
 * | `payload` `fresh-until` `kept-until` `fill` | the value, its two ends, and which fill stored it |
 * | `kind` `order` | the value's version; `order` has 19 digits, because a Lua number loses digits beyond 2^53 |
 * | `tags` | names the tags with which the value is registered |
 * | `lease` `lease-until` `loading` | the generation, and until when somebody is believed to load under it: a moment; 0: nobody; 1: as long as the lease lives |
 * | `waited` | somebody waits for that load: the channel on which its end is told |
 * | `mark` `mark-kind` `mark-until` | what a load that stored nothing left |
 * | `floor-kind` `floor-order` `floor-exclusive` `floor-until` | what has been announced |
 * | `tombstone-until` | a change was announced; a key without any live part is an evicted one |
 *
 * In each script the first write is the one that a server short of memory may refuse, so a refused script has changed nothing.
 */
export const PRELUDE = `
if redis.replicate_commands then redis.replicate_commands() end
local key = KEYS[1]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
-- a load and the announcement of a tag may share a millisecond
local exact_now = string.format('%.3f', tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000)

local NAMES = { 'fresh-until', 'kept-until', 'fill', 'kind', 'order', 'tags', 'lease', 'lease-until', 'loading', 'waited', 'mark', 'mark-kind', 'mark-until',
  'floor-kind', 'floor-order', 'floor-exclusive', 'floor-until', 'tombstone-until' }
local VALUE = { 'payload', 'fresh-until', 'kept-until', 'fill', 'kind', 'order', 'tags' }
local LEASE = { 'lease', 'lease-until', 'loading', 'waited' }
local MARK = { 'mark', 'mark-kind', 'mark-until' }
local FLOOR = { 'floor-kind', 'floor-order', 'floor-exclusive', 'floor-until' }

local found = redis.pcall('HMGET', key, unpack(NAMES))
if found.err and string.find(found.err, 'WRONGTYPE', 1, true) then
  redis.call('DEL', key)
  found = redis.call('HMGET', key, unpack(NAMES))
elseif found.err then
  return found
end
local state = {}
for i, name in ipairs(NAMES) do state[name] = found[i] end

-- an end that no store of ours wrote counts as past: beyond ${FURTHEST_MS} PEXPIREAT refuses it sooner or later
local function ends(name)
  local at = tonumber(state[name])
  return at and at >= 0 and at <= ${FURTHEST_MS} and at or 0
end
local function alive(name) return now < ends(name) end
local function from_now(ms) return now + tonumber(ms) end
local function text(number) return string.format('%.0f', number) end

local function is_loading() return alive('lease-until') and state['lease'] and (state['loading'] == '1' or alive('loading')) end

-- A user without the right to it, or a server short of memory: whoever waits looks from time to time all the same.
local waited = state['waited']
local function wake() if waited then redis.pcall('PUBLISH', waited, key) end end

local function put(fields)
  for i = 1, #fields, 2 do state[fields[i]] = fields[i + 1] end
  return { 'HSET', key, unpack(fields) }
end

local function drop(...)
  local names = {}
  for _, group in ipairs({ ... }) do
    for _, name in ipairs(group) do
      if name == 'payload' or state[name] then names[#names + 1] = name end
      state[name] = false
    end
  end
  if #names > 0 then redis.call('HDEL', key, unpack(names)) end
end

local function last_end()
  return math.max(ends('kept-until'), ends('lease-until'), ends('mark-until'), ends('floor-until'), ends('tombstone-until'))
end

local function expire() redis.call('PEXPIREAT', key, text(last_end())) end

local function is_version(kind, order)
  return kind and order and kind ~= '' and string.find(order, '^%d+$') and #order == 19
end

-- negative, zero or positive; nil when the two do not compare
local function compare(kind, order, other_kind, other_order)
  if not is_version(kind, order) or not is_version(other_kind, other_order) or kind ~= other_kind then return nil end
  local high = tonumber(string.sub(order, 1, 9)) - tonumber(string.sub(other_order, 1, 9))
  if high ~= 0 then return high end
  return tonumber(string.sub(order, 10)) - tonumber(string.sub(other_order, 10))
end

local function is_below(kind, order, floor_kind, floor_order, exclusive)
  local difference = compare(kind, order, floor_kind, floor_order)
  return difference ~= nil and (difference < 0 or (exclusive and difference == 0))
end

local function announced_floor_refuses(kind, order)
  return alive('floor-until') and is_below(kind, order, state['floor-kind'], state['floor-order'], state['floor-exclusive'] == '1')
end

-- the fresh value as replies tell it, or nil
local function fresh_value()
  if not alive('fresh-until') or not alive('kept-until') then return nil end
  local payload = redis.call('HGET', key, 'payload')
  if not payload or (state['kind'] and not is_version(state['kind'], state['order'])) then return nil end
  return { text(now), payload, state['fresh-until'], state['kind'], state['order'] }
end

local function append(fields, ...)
  for _, word in ipairs({ ... }) do fields[#fields + 1] = word end
end

local function value_fields(payload, begun_at, ttl, keep_stale)
  local fresh_until = begun_at + tonumber(ttl)
  return { 'payload', payload, 'fresh-until', text(fresh_until), 'kept-until', text(fresh_until + tonumber(keep_stale)) }
end
`;
