import { setTimeout as rest } from 'node:timers/promises';
import type { OpenLoad } from './open-load.js';
import type { Recovery } from './recovery.js';
import { monotonicMs } from './settings.js';

const LOOK_EVERY_MS = 100;
/** For so long all must be well. */
const WINDOW_MS = 600;
/** So long a load may be too much for the machine before it is halved. */
const TOO_MUCH_MS = 4_000;
/** For so long the parts may be broken, which nothing but a defect is: the case is then measured, and tells what. */
const NEVER_WELL_MS = 40_000;

/**
 * Raises the load step by step, as far as it is meant to go or the machine can carry it. Resolves when all has been well under it
 * for a moment. A machine that is too slow for that is not waited for longer than the scale says, only parts that do not work are.
 */
export async function calm(load: OpenLoad, recovery: Recovery): Promise<void> {
  const { calmWithinMs, leastPerSecond } = load.scale;
  let most = load.scale.requestsPerSecond;
  const begin = monotonicMs();
  let since = begin;
  let tooMuchSince = begin;
  while (since - begin < NEVER_WELL_MS) {
    await rest(LOOK_EVERY_MS);
    await recovery.look();
    const now = monotonicMs();
    if (now - since < WINDOW_MS) continue;
    // Of all the time so far: on a slow machine too few canaries come back within one window.
    const works = recovery.wellSince(begin);
    const isCalm = works && load.calmSince(since);
    since = now;
    if (!isCalm && now - begin >= calmWithinMs) load.requestsPerSecond = leastPerSecond;
    if (works && now - begin >= calmWithinMs) return;
    if (isCalm) {
      if (load.requestsPerSecond >= most) return;
      load.requestsPerSecond = Math.min(most, 2 * load.requestsPerSecond);
      tooMuchSince = now;
    } else if (now - tooMuchSince >= TOO_MUCH_MS) {
      most = Math.max(leastPerSecond, load.requestsPerSecond / 2);
      load.requestsPerSecond = most;
      tooMuchSince = now;
    }
  }
}
