import type { Case } from './cases.js';
import { runCase, type Length, type Measured } from './run-case.js';
import type { Stage } from './stage.js';
import { complaintsOf, complaintsOfTime } from './verdict.js';

export interface Judged {
  readonly measured: Measured;
  readonly complaints: readonly string[];
}

/** A machine on which processes stand still for so long is too busy to tell anything. */
const TOO_BUSY_MS = 250;
/** So often a case is measured at most: while the machine is too busy to tell; where nothing but bounds of time are broken; in any other case. */
const ATTEMPTS = { busy: 3, late: 2, wrong: 1 } as const;

/**
 * Runs a case and compares it with what must hold. What is not as it must be is measured again while the machine is too busy to tell, and where nothing but bounds of time are broken: a disk
 * or a server that stood still for a moment shows in no event loop, and code that is too slow is so twice. A wrong answer is never asked for again.
 */
export async function judge(stage: Stage, each: Case, length: Length): Promise<Judged> {
  for (let attempt = 1; ; attempt++) {
    const measured = await runCase(stage, each, length);
    const complaints = complaintsOf(each, measured);
    const ofTime = complaintsOfTime(each, measured);
    const isLate = complaints.every((complaint) => ofTime.includes(complaint));
    const attempts = ATTEMPTS[measured.lagMs >= TOO_BUSY_MS ? 'busy' : isLate ? 'late' : 'wrong'];
    if (complaints.length === 0 || attempt >= attempts) return { measured, complaints };
  }
}
