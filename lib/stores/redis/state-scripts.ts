import type { RedisScript } from '../../redis-client/redis-client.js';
import { redisScript } from '../../redis-client/redis-script.js';
import { BEGIN } from './begin-script.js';
import { FILL } from './fill-script.js';
import { INVALIDATE, NEXT_FLOOR } from './invalidate-script.js';
import { MARK } from './mark-script.js';
import { READ } from './read-script.js';
import { RENEW } from './renew-script.js';
import { SET } from './set-script.js';
import { PRELUDE } from './state-prelude.js';

/** The steps of the protocol, one script each. */
export type StateScripts = Readonly<
  Record<'read' | 'begin' | 'renew' | 'fill' | 'mark' | 'invalidate' | 'set', RedisScript>
>;

/** For the commands and functions in them: Redis 5 or newer (tested with 7.0). */
export const stateScripts: StateScripts = {
  read: redisScript(READ),
  begin: redisScript(PRELUDE + BEGIN),
  renew: redisScript(PRELUDE + RENEW),
  fill: redisScript(PRELUDE + FILL),
  mark: redisScript(PRELUDE + MARK),
  invalidate: redisScript(PRELUDE + NEXT_FLOOR + INVALIDATE),
  set: redisScript(PRELUDE + NEXT_FLOOR + SET),
};
