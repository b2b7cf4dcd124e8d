/** Arguments: the offered lease, its life, how long a value must be fresh to count as such, how long the load is believed to go on (an empty text: as long as the lease), the channel for whoever waits instead of loading beside another (or an empty text). */
export const BEGIN = `
local fresh = ends('fresh-until') - now >= tonumber(ARGV[3]) and fresh_value()
if fresh then return { 'fresh', fresh } end
if alive('mark-until') and state['mark-kind'] == 'failed' then return { 'failed', state['mark'] } end

local token, lasts, until_when, loading = ARGV[1], from_now(ARGV[2]), ARGV[4] == '' and '1' or text(from_now(ARGV[4])), '0'
-- a live lease is never replaced: where loads outlast the patience of waiters, nobody would ever fill
if alive('lease-until') and state['lease'] then
  token = state['lease']
  lasts = math.max(lasts, ends('lease-until'))
  -- never less than was said before
  if state['loading'] == '1' then until_when = '1' end
  if until_when ~= '1' then until_when = text(math.max(tonumber(until_when), ends('loading'))) end
  if is_loading() then loading = '1' end
end
local existed = token ~= ARGV[1]
if ARGV[5] ~= '' and existed and loading == '1' then
  redis.pcall('HSET', key, 'waited', ARGV[5])
else
  redis.call(unpack(put({ 'lease', token, 'lease-until', text(lasts), 'loading', until_when })))
  expire()
end
return { 'lease', token, existed and '1' or '0', existed and loading or '0', exact_now, alive('tombstone-until') and text(ends('tombstone-until') - now) or nil }
`;
