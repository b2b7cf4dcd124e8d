/** Arguments: the payload, kind, order, how long it is fresh, how long it is kept beyond that, how long its version is remembered, its tags' name. */
export const SET = `
local kind, order = ARGV[2], ARGV[3]
local difference = alive('kept-until') and compare(state['kind'], state['order'], kind, order) or nil
local has_other_tags = (state['tags'] or '') ~= ARGV[7]
if difference == nil or difference >= 0 or has_other_tags or announced_floor_refuses(kind, order) then
  invalidate(kind, order, 'changed', ARGV[6])
  return 'invalidated'
end
local fields = value_fields(ARGV[1], now, ARGV[4], ARGV[5])
append(fields, 'kind', kind, 'order', order)
-- no memory for the new value: the old one must go all the same
local written = redis.pcall(unpack(put(fields)))
if type(written) == 'table' and written.err then
  redis.call('DEL', key)
  wake()
  return 'invalidated'
end
drop(LEASE, MARK, { 'fill', 'tombstone-until' }, alive('floor-until') and {} or FLOOR)
expire()
wake()
return 'stored'
`;
