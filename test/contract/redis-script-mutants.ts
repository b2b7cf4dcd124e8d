import type { RedisScript } from '../../lib/redis-client/redis-client.js';
import { redisScript } from '../../lib/redis-client/redis-script.js';
import { type StateScripts, stateScripts } from '../../lib/stores/redis/state-scripts.js';
import { type TagScripts, tagScripts } from '../../lib/stores/redis/tag-scripts.js';

function mutated<Scripts extends StateScripts | TagScripts>(scripts: Scripts) {
  return (step: keyof Scripts & string, original: string, mutant: string): Scripts => {
    const { source } = (scripts as Readonly<Record<string, RedisScript>>)[step] ?? { source: '' };
    if (source.split(original).length !== 2)
      throw new Error(`The script ${step} must contain this exactly once: ${original}`);
    return { ...scripts, [step]: redisScript(source.replace(original, () => mutant)) };
  };
}

const mutate = mutated(stateScripts);
const mutateTag = mutated(tagScripts);

/** Scripts with one deliberate mistake each. The contract suite must tell every one of them from the real ones. */
export const scriptMutants: Readonly<Record<string, StateScripts>> = {
  'no lease check': mutate('fill', `if not alive('lease-until') or state['lease'] ~= ARGV[1] then`, 'if false then'),
  'no floor': mutate('fill', 'local refused = announced_floor_refuses(kind, order)', 'local refused = false'),
  'begin that replaces a live lease': mutate('begin', `token = state['lease']`, 'token = ARGV[1]'),
  'fill that leaves the lease': mutate('fill', 'drop(LEASE, MARK,', 'drop(MARK,'),
  'invalidate that keeps it': mutate('invalidate', 'drop(VALUE, LEASE, MARK,', 'drop(VALUE, MARK,'),
  'begin that prolongs the word of whoever loads': mutate('begin', `if ARGV[5] ~= '' and`, `if false and`),
  'a load that is believed for ever': mutate('begin', `ARGV[4] == '' and '1' or text(from_now(ARGV[4]))`, `'1'`),
  'renew under any lease': mutate('renew', `state['lease'] ~= ARGV[1]`, 'false'),
  'fill that wakes nobody': mutate('fill', `wake()\nreturn { 'stored' }`, `return { 'stored' }`),
  'mark that wakes nobody': mutate('mark', `wake()\nreturn '1'`, `return '1'`),
  'invalidate that wakes nobody': mutate('invalidate', '  expire()\n  wake()', '  expire()'),
  'set that does not look at the tags': mutate('set', `(state['tags'] or '') ~= ARGV[7]`, 'false'),
  'fill that leaves no tags': mutate('fill', `if with_tags then append(fields, 'tags', ARGV[9]) end`, ''),
  'fill that leaves the tags of before': mutate('fill', `with_tags and {} or { 'tags' }`, '{}'),
  'equal versions refused': mutate('fill', '(difference < 0 or (exclusive and difference == 0))', '(difference <= 0)'),
};

/** The same for tags. */
export const tagScriptMutants: Readonly<Record<string, TagScripts>> = {
  'no registration': mutateTag('register', `redis.call('ZADD', tag, text(told_until), ARGV[1])`, ''),
  'no look for announcements': mutateTag(
    'register',
    'if announced and announced >= begun',
    'if false and announced >= begun',
  ),
  'a registration that was read at an unknown time is always taken': mutateTag(
    'register',
    `if is_remembered then return { 'announced' } end`,
    '',
  ),
  'announcements that are remembered as long as others keep the tag': mutateTag(
    'register',
    'announced > now - tonumber(ARGV[5])',
    'true',
  ),
  'no look at how old the load is': mutateTag('register', 'begun <= now - tonumber(ARGV[5])', 'false'),
  'no announcement': mutateTag('announce', `redis.call('ZADD', tag, text(-now), '')`, ''),
  'no bound': mutateTag('register', 'others >= tonumber(ARGV[4])', 'false'),
  'keys that are told for ever': mutateTag('announce', `redis.call('ZREMRANGEBYSCORE', tag, '(0', text(now))`, ''),
};
