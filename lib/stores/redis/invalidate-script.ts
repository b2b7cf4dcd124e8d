/** The step `invalidate` as a function, since `set` acts as it in most cases. */
export const NEXT_FLOOR = `
-- of two floors of one kind the higher; at a tie the first keeps its life, so that nothing but a higher one prolongs it
local function higher(first, second)
  local difference = compare(first.kind, first.order, second.kind, second.order) or 0
  if difference > 0 then return first end
  if difference < 0 then return second end
  return { kind = first.kind, order = first.order, lasts = first.lasts, exclusive = first.exclusive or second.exclusive }
end

local function next_floor(kind, order, change, lasts)
  local known, stored, announced = false, false, false
  if alive('floor-until') and is_version(state['floor-kind'], state['floor-order']) then
    known = { kind = state['floor-kind'], order = state['floor-order'], lasts = ends('floor-until'), exclusive = state['floor-exclusive'] == '1' }
  end
  -- a value that is past its stale life still tells a version, as long as it lies there
  if now < last_end() and is_version(state['kind'], state['order']) then
    stored = { kind = state['kind'], order = state['order'], lasts = lasts, exclusive = false }
  end
  if kind ~= '' then announced = { kind = kind, order = order, lasts = lasts, exclusive = change == 'removed' } end
  -- a row may be born again at version 1: what its removal left behind must not refuse it
  if change == 'inserted' and known and known.exclusive then return announced end
  local leader = announced or stored or known
  if not leader then return false end
  local best = false
  for _, floor in ipairs({ known, stored, announced }) do
    if floor and floor.kind == leader.kind then best = best and higher(best, floor) or floor end
  end
  return best
end

local function invalidate(kind, order, change, floor_ms)
  local lasts = from_now(floor_ms)
  local floor = next_floor(kind, order, change, lasts)
  local fields = { 'tombstone-until', text(lasts) }
  if floor then
    fields = { 'tombstone-until', text(lasts), 'floor-kind', floor.kind, 'floor-order', floor.order,
      'floor-exclusive', floor.exclusive and '1' or '0', 'floor-until', text(floor.lasts) }
  end
  -- no memory for a tombstone: an eviction, which refuses the loads under way as well
  local written = redis.pcall(unpack(put(fields)))
  if type(written) == 'table' and written.err then
    redis.call('DEL', key)
    return wake()
  end
  drop(VALUE, LEASE, MARK, floor and {} or FLOOR)
  expire()
  wake()
end
`;

/** Arguments: kind, order, what changed, how long it is remembered. */
export const INVALIDATE = `
invalidate(ARGV[1], ARGV[2], ARGV[3], ARGV[4])
return '1'
`;
