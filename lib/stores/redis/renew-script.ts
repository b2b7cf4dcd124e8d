/** Arguments: the lease, how long the load is believed to go on. */
export const RENEW = `
if not alive('lease-until') or state['lease'] ~= ARGV[1] then return '0' end
-- another is believed for as long as the lease lives
if state['loading'] == '1' then return '1' end
redis.call('HSET', key, 'loading', text(math.max(ends('loading'), from_now(ARGV[2]))))
return '1'
`;
