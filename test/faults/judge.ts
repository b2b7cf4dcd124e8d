import type { Case } from './cases.js';
import { runCase, type Length, type Measured } from './run-case.js';
import type { Stage } from './stage.js';
import { complaintsOf } from './verdict.js';

export interface Judged {
  readonly measured: Measured;
  readonly complaints: readonly string[];
}

/** A machine on which processes stand still for so long is too busy to tell what is slow. */
const TOO_BUSY_MS = 250;

/** Runs a case and compares it with what must hold. What is not as it must be is measured once more if the machine was too busy to tell. */
export async function judge(stage: Stage, each: Case, length: Length): Promise<Judged> {
  for (let attempt = 1; ; attempt++) {
    const measured = await runCase(stage, each, length);
    const complaints = complaintsOf(each, measured);
    if (complaints.length === 0 || attempt === 2 || measured.lagMs < TOO_BUSY_MS) return { measured, complaints };
  }
}
