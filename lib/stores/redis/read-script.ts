import { FURTHEST_MS } from './state-prelude.js';

/** In the order in which the reply tells them, after the time. */
export const READ_FIELDS = [
  'payload',
  'fresh-until',
  'kept-until',
  'kind',
  'order',
  'lease',
  'lease-until',
  'loading',
  'mark',
  'mark-until',
] as const;

/**
 * What every hit pays for, so it does little more than look. A fresh value without a lease or a mark beside it, which is what a hit finds, is told in four words: the payload, what is
 * left of its freshness, kind and order. Of anything else, ends that no store of ours wrote included, all fields are told, and what of it is still alive is worked out by the reader.
 */
export const READ = `
local time = redis.call('TIME')
local state = redis.call('HMGET', KEYS[1], ${READ_FIELDS.map((field) => `'${field}'`).join(', ')})
if state[2] and not state[6] and not state[9] then
  local fresh, kept = tonumber(state[2]), tonumber(state[3])
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  if fresh and kept and now < fresh and fresh <= kept and kept <= ${FURTHEST_MS} then
    return { state[1], string.format('%.0f', fresh - now), state[4], state[5] }
  end
end
return { time[1], time[2], state }
`;
