import type { Case } from './cases.js';
import { runCase, type Measured } from './run-case.js';
import { SETTINGS, monotonicMs } from './settings.js';
import type { Stage } from './stage.js';
import { complaintsOf, complaintsOfDeadlines, complaintsOfTime } from './verdict.js';

export interface Judged {
  readonly measured: Measured;
  readonly complaints: readonly string[];
}

/** A machine on which processes stand still for so long is too busy to tell how long something takes. */
const TOO_BUSY_MS = 250;
/** A machine on which they stand still for so long misses deadlines of parts that have answered. */
const MISSES_DEADLINES_MS = Math.min(SETTINGS.storeTimeoutMs, SETTINGS.lockTimeoutMs) / 2;
/** The most measurements of a case: on a machine that is too busy; where nothing but bounds of time are broken; in any other case. */
const ATTEMPTS = { busy: 3, late: 2, wrong: 1 } as const;
/** No measurement begins later than this after the first. */
const AGAIN_WITHIN_MS = 20_000;

/**
 * Runs a case and compares it with what must hold. A case is measured again while the machine is too busy, and where nothing but
 * bounds of time are broken: a disk or a server that stood still for a moment shows in no event loop, and code that is too slow
 * is so twice. A wrong answer of a machine that is not too busy is final.
 *
 * A machine that stays too busy is not waited for. The last measurement is judged then:
 *
 * - Always: what was loaded and how often at once, every status but 503 and 504, answers that are missing, too old or cut off, what was
 *   told and had to be, that the part recovered, unhandled errors, and what the fault itself has seen.
 * - Below {@link TOO_BUSY_MS}: how long anything took.
 * - Below {@link MISSES_DEADLINES_MS}: that no part was taken for away, that nobody was answered 503 or 504 for that, and nobody loaded.
 */
export async function judge(stage: Stage, each: Case): Promise<Judged> {
  const begin = monotonicMs();
  for (let attempt = 1; ; attempt++) {
    const measured = await runCase(stage, each);
    const { lagMs } = measured;
    const complaints = complaintsOf(each, measured);
    const ofTime = complaintsOfTime(each, measured);
    const isLate = complaints.every((complaint) => ofTime.includes(complaint));
    const attempts = ATTEMPTS[lagMs >= TOO_BUSY_MS ? 'busy' : isLate ? 'late' : 'wrong'];
    const isLast = attempt >= attempts || monotonicMs() - begin > AGAIN_WITHIN_MS;
    if (complaints.length > 0 && !isLast) continue;
    const excused = [
      ...(lagMs >= TOO_BUSY_MS ? ofTime : []),
      ...(lagMs >= MISSES_DEADLINES_MS ? complaintsOfDeadlines(each, measured) : []),
    ];
    return { measured, complaints: complaints.filter((complaint) => !excused.includes(complaint)) };
  }
}
