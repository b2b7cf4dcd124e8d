import { createHash } from 'node:crypto';
import type { RedisScript } from './redis-client.js';

/** The script with its hash, which is what is sent once the server knows the text. */
export function redisScript(source: string): RedisScript {
  return { source, sha1: createHash('sha1').update(source).digest('hex') };
}

/**
 * Runs a script by its hash, and by its text when the server does not know it: after a restart, a failover or SCRIPT FLUSH. A
 * NOSCRIPT answer means that nothing was executed, so nothing runs twice. What it rejects with is what `explain` makes of the client's error.
 */
export function runByHash(
  script: RedisScript,
  evalSha: (sha1: string) => Promise<unknown>,
  evalSource: (source: string) => Promise<unknown>,
  explain: (error: unknown) => Error,
): Promise<unknown> {
  return evalSha(script.sha1).catch((error: unknown) => {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw explain(error);
    return evalSource(script.source).catch((second: unknown) => {
      throw explain(second);
    });
  });
}
