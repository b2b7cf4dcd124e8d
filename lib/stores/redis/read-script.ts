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

/** What every hit pays for, so it does no more than look: what of it is still alive is worked out by the reader. */
export const READ = `
local time = redis.call('TIME')
return { time[1], time[2], redis.call('HMGET', KEYS[1], ${READ_FIELDS.map((field) => `'${field}'`).join(', ')}) }
`;
