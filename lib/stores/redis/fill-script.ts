/** Arguments: the lease, its begin, the fill's name, the payload, how long it is fresh, how long it is kept beyond that, kind, order, its tags' name. */
export const FILL = `
if now >= last_end() then return { 'superseded', 'evicted' } end
-- 1. our fill is stored; 2. its reply is lost; 3. it is sent again, and the lease is gone by our own doing
if state['fill'] == ARGV[3] then return { 'stored' } end
if not alive('lease-until') or state['lease'] ~= ARGV[1] then
  local fresh = fresh_value()
  if fresh then return { 'superseded', 'filled', fresh } end
  return { 'superseded', 'invalidated' }
end

local kind, order = ARGV[7], ARGV[8]
local refused = announced_floor_refuses(kind, order)
local refused_by_value = alive('kept-until') and is_below(kind, order, state['kind'], state['order'], false)
if refused_by_value and (not refused or compare(state['kind'], state['order'], state['floor-kind'], state['floor-order']) > 0) then
  return { 'superseded', 'older', { state['kind'], state['order'] } }
end
if refused then return { 'superseded', 'older', { state['floor-kind'], state['floor-order'] } } end

local begun_at = tonumber(ARGV[2])
if not begun_at or begun_at ~= begun_at or begun_at > now then begun_at = now end
local fields = value_fields(ARGV[4], begun_at, ARGV[5], ARGV[6])
append(fields, 'fill', ARGV[3])
local with_version, with_tags = kind ~= '', ARGV[9] ~= ''
if with_version then append(fields, 'kind', kind, 'order', order) end
if with_tags then append(fields, 'tags', ARGV[9]) end
redis.call(unpack(put(fields)))
drop(LEASE, MARK, { 'tombstone-until' }, with_version and {} or { 'kind', 'order' }, with_tags and {} or { 'tags' }, alive('floor-until') and {} or FLOOR)
expire()
wake()
return { 'stored' }
`;
