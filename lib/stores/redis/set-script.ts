/** Arguments: the payload, kind, order, how long it is fresh, how long it is kept beyond that, how long its version is remembered. */
export const SET = `
local kind, order = ARGV[2], ARGV[3]
local difference = alive('kept-until') and compare(state['kind'], state['order'], kind, order) or nil
if difference == nil or difference >= 0 or announced_floor_refuses(kind, order) then
  invalidate(kind, order, 'changed', ARGV[6])
  return 'invalidated'
end
local fields = value_fields(ARGV[1], now, ARGV[4], ARGV[5])
for _, word in ipairs({ 'kind', kind, 'order', order }) do fields[#fields + 1] = word end
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
