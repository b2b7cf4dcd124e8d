/** Arguments: the offered lease, its life, how long a value must be fresh to count as such. */
export const BEGIN = `
local fresh = ends('fresh-until') - now >= tonumber(ARGV[3]) and fresh_value()
if fresh then return { 'fresh', fresh } end
if alive('mark-until') and state['mark-kind'] == 'failed' then return { 'failed', state['mark'] } end

local token, lasts, loading = ARGV[1], from_now(ARGV[2]), '0'
-- a live lease is never replaced: where loads outlast the patience of waiters, nobody would ever fill
if alive('lease-until') and state['lease'] then
  token = state['lease']
  lasts = math.max(lasts, ends('lease-until'))
  loading = state['loading'] or '0'
end
local existed = token ~= ARGV[1]
redis.call(unpack(put({ 'lease', token, 'lease-until', text(lasts), 'loading', '1' })))
expire()
return { 'lease', token, existed and '1' or '0', existed and loading or '0', exact_now, alive('tombstone-until') and text(ends('tombstone-until') - now) or nil }
`;
