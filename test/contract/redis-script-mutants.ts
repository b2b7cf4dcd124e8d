import type { RedisScript } from '../../lib/redis-client/redis-client.js';
import { redisScript } from '../../lib/redis-client/redis-script.js';
import { type StateScripts, stateScripts } from '../../lib/stores/redis/state-scripts.js';
import { type TagScripts, tagScripts } from '../../lib/stores/redis/tag-scripts.js';

/** Scripts with one mistake, and the case of the contract that was written against it. */
export interface ScriptMutant<Scripts> {
  readonly scripts: Scripts;
  readonly noticedBy: string;
}

function mutated<Scripts extends StateScripts | TagScripts>(scripts: Scripts) {
  return (step: keyof Scripts & string, original: string, mutant: string, noticedBy: string): ScriptMutant<Scripts> => {
    const { source } = (scripts as Readonly<Record<string, RedisScript>>)[step] ?? { source: '' };
    if (source.split(original).length !== 2)
      throw new Error(`The script ${step} must contain this exactly once: ${original}`);
    const mistaken = { ...scripts, [step]: redisScript(source.replace(original, () => mutant)) };
    return { scripts: mistaken, noticedBy };
  };
}

const mutate = mutated(stateScripts);
const mutateTag = mutated(tagScripts);

const UNBELIEVED =
  'renew: a load that says nothing more is not believed for longer, whoever asks; its lease is, and it may fill';
const OTHER_TAGS = 'set: of a value with other tags it announces its version';
const BEGAN_BEFORE = 'tags: a load that began before the announcement is not registered';
const UNKNOWN_TIME = 'tags: what was read at an unknown time is registered only while no announcement is remembered';

/** Scripts with one deliberate mistake each. The contract suite must tell every one of them from the real ones. */
export const scriptMutants: Readonly<Record<string, ScriptMutant<StateScripts>>> = {
  'no lease check': mutate(
    'fill',
    `if not alive('lease-until') or state['lease'] ~= ARGV[1] then`,
    'if false then',
    'fill: refused without a lease, whatever lease it names',
  ),
  'no floor': mutate(
    'fill',
    'local refused = announced_floor_refuses(kind, order)',
    'local refused = false',
    'fill: refused below the announced floor, and its lease stays',
  ),
  'begin that replaces a live lease': mutate(
    'begin',
    `token = state['lease']`,
    'token = ARGV[1]',
    'begin: never replaces a live lease',
  ),
  'fill that leaves the lease': mutate(
    'fill',
    'drop(LEASE, MARK,',
    'drop(MARK,',
    'read: a filled value is fresh, and its lease is gone',
  ),
  'invalidate that keeps it': mutate(
    'invalidate',
    'drop(VALUE, LEASE, MARK,',
    'drop(VALUE, MARK,',
    'fill: refused when a change was announced since the begin',
  ),
  'begin that prolongs the word of whoever loads': mutate('begin', `if ARGV[5] ~= '' and`, `if false and`, UNBELIEVED),
  'a load that is believed for ever': mutate(
    'begin',
    `ARGV[4] == '' and '1' or text(from_now(ARGV[4]))`,
    `'1'`,
    UNBELIEVED,
  ),
  'renew under any lease': mutate(
    'renew',
    `state['lease'] ~= ARGV[1]`,
    'false',
    'renew: under a lease that is gone it says so, and leaves nothing',
  ),
  'fill that wakes nobody': mutate(
    'fill',
    `wake()\nreturn { 'stored' }`,
    `return { 'stored' }`,
    'listen: a fill wakes whoever has found another loading',
  ),
  'mark that wakes nobody': mutate(
    'mark',
    `wake()\nreturn '1'`,
    `return '1'`,
    'listen: a mark wakes whoever has found another loading',
  ),
  'invalidate that wakes nobody': mutate(
    'invalidate',
    '  expire()\n  wake()',
    '  expire()',
    'listen: a change wakes whoever has found another loading',
  ),
  'set that does not look at the tags': mutate('set', `(state['tags'] or '') ~= ARGV[7]`, 'false', OTHER_TAGS),
  'fill that leaves no tags': mutate('fill', `if with_tags then append(fields, 'tags', ARGV[9]) end`, '', OTHER_TAGS),
  'fill that leaves the tags of before': mutate('fill', `with_tags and {} or { 'tags' }`, '{}', OTHER_TAGS),
  'equal versions refused': mutate(
    'fill',
    '(difference < 0 or (exclusive and difference == 0))',
    '(difference <= 0)',
    'fill: an equal version renews',
  ),
};

/** The same for tags. */
export const tagScriptMutants: Readonly<Record<string, ScriptMutant<TagScripts>>> = {
  'no registration': mutateTag(
    'register',
    `redis.call('ZADD', tag, text(told_until), ARGV[1])`,
    '',
    'tags: an announcement tells the keys that are registered, and no others',
  ),
  'no look for announcements': mutateTag(
    'register',
    'if announced and announced >= begun',
    'if false and announced >= begun',
    BEGAN_BEFORE,
  ),
  'a registration that was read at an unknown time is always taken': mutateTag(
    'register',
    `if is_remembered then return { 'announced' } end`,
    '',
    UNKNOWN_TIME,
  ),
  'announcements that are remembered as long as others keep the tag': mutateTag(
    'register',
    'announced > now - tonumber(ARGV[5])',
    'true',
    UNKNOWN_TIME,
  ),
  'no look at how old the load is': mutateTag(
    'register',
    'begun <= now - tonumber(ARGV[5])',
    'false',
    'tags: an announcement is remembered as long as was asked for, and no load that may be older is taken',
  ),
  'no announcement': mutateTag('announce', `redis.call('ZADD', tag, text(-now), '')`, '', BEGAN_BEFORE),
  'no bound': mutateTag(
    'register',
    'others >= tonumber(ARGV[4])',
    'false',
    'tags: hold no more keys than was said; those that are there stay, those that have ended make room',
  ),
  'keys that are told for ever': mutateTag(
    'announce',
    `redis.call('ZREMRANGEBYSCORE', tag, '(0', text(now))`,
    '',
    'tags: a key is told as long as was asked for, and again when it registers again',
  ),
};
