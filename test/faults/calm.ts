import { setTimeout as rest } from 'node:timers/promises';
import type { OpenLoad } from './open-load.js';
import type { Recovery } from './recovery.js';
import { SETTINGS, monotonicMs } from './settings.js';

export const LEAST_PER_SECOND = 10;

const LOOK_EVERY_MS = 100;
/** For so long all must be well. */
const WINDOW_MS = 600;
/** So long a load may be too much for the machine before it is halved. */
const TOO_MUCH_MS = 4_000;
/** A machine that is never calm is measured as it is. */
const NEVER_CALM_MS = 40_000;

/** Raises the load step by step, as far as it is meant to go or the machine can carry it. Resolves when all has been well under it for a moment. */
export async function calm(load: OpenLoad, recovery: Recovery): Promise<void> {
  let most: number = SETTINGS.requestsPerSecond;
  const begin = monotonicMs();
  let since = begin;
  let tooMuchSince = begin;
  while (since - begin < NEVER_CALM_MS) {
    await rest(LOOK_EVERY_MS);
    await recovery.look();
    const now = monotonicMs();
    if (now - since < WINDOW_MS) continue;
    const well = load.calmSince(since) && recovery.wellSince(since);
    since = now;
    if (well) {
      if (load.requestsPerSecond >= most) return;
      load.requestsPerSecond = Math.min(most, 2 * load.requestsPerSecond);
      tooMuchSince = now;
    } else if (now - tooMuchSince >= TOO_MUCH_MS) {
      most = Math.max(LEAST_PER_SECOND, load.requestsPerSecond / 2);
      load.requestsPerSecond = most;
      tooMuchSince = now;
    }
  }
}
