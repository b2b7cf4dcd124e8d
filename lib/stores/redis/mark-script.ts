/** Arguments: the lease, the mark, its kind, its life. */
export const MARK = `
if not alive('lease-until') or state['lease'] ~= ARGV[1] then return '0' end
redis.call(unpack(put({ 'mark', ARGV[2], 'mark-kind', ARGV[3], 'mark-until', text(from_now(ARGV[4])), 'loading', '0' })))
drop({ 'waited' })
expire()
wake()
return '1'
`;
