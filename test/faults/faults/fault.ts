import type { OpenLoad } from '../open-load.js';
import type { Stage } from '../stage.js';
import type { WorkerProcess } from '../worker-process.js';

/** The part of the system that a fault is done to. */
export type Part = 'lock' | 'store' | 'database' | 'process' | 'input';

/** Something that goes wrong, once. */
export interface Fault {
  readonly part: Part;
  /** Begins it. */
  inflict(stage: Stage, load: OpenLoad): Promise<unknown>;
  /** Ends it; resolves when the part answers again. Left out: it ends by itself. */
  heal?(stage: Stage): Promise<unknown>;
  /** Puts things back for the next case, when all is measured. */
  cleanUp?(stage: Stage): Promise<unknown>;
  /** What the measuring of all faults does not see. */
  complaints?(stage: Stage): readonly string[];
  /** Whose event loop does not turn because that is the fault. */
  readonly struck?: WorkerProcess | undefined;
}
