import type { Database } from './databases/database.js';
import { Instance } from './instances.js';
import type { Program } from './program.js';
import type { Read } from './reads/read.js';
import { sharedStore } from './store.js';
import { textOf } from './text-of.js';
import { makeClasses } from './world/classes.js';
import { fillTables } from './world/rows.js';
import { runWrite } from './writes/run-write.js';

/** What a right cache does not do. */
export type Finding = WrongAnswer | NoStart;

/** The application does not start. */
export interface NoStart {
  readonly kind: 'no-start';
  readonly error: string;
}

/** A cached answer that a fresh read does not give, or an entry that is not stored any more. */
export interface WrongAnswer {
  readonly kind: 'stale' | 'not-stored';
  readonly read: Read;
  /** The write after which, from 0. */
  readonly after: number;
  readonly instance: 0 | 1;
  readonly outcome: string;
  readonly cached: string;
  readonly fresh: string;
}

/** What happened in a program. */
export interface Tally {
  hits: number;
  writes: number;
  /** Writes that TypeORM or the database did not take. */
  rejectedWrites: number;
  /** Entries that outlived a write. */
  kept: number;
  /** Entries that a write outdated. */
  outdated: number;
  /** Entries that were lost although a fresh read gives the same. */
  lostNeedlessly: number;
  /** Fills that were refused once and not a second time. */
  refusedOnce: number;
  /** Reads that TypeORM cannot do. */
  readonly unreadable: Read[];
  /** Reads that were not cached in the first place. */
  readonly neverCached: Read[];
  /** Steps that were done, and what reads gave other answers. */
  readonly happened: Set<string>;
}

export interface Result {
  readonly finding?: Finding;
  readonly tally: Tally;
}

/** Runs a program until the first finding. @throws Error when its world cannot be made */
export async function runProgram(program: Program, database: Database): Promise<Result> {
  const classes = makeClasses(program.world, database.kind);
  const store = sharedStore(database.redisUrl);
  const open: { close(): Promise<void> }[] = [{ close: () => store.close() }];
  try {
    const tables = await database.open(classes);
    open.push(tables);
    await fillTables(classes, tables.sources[0]);
    const instances: Instance[] = [];
    for (const sources of tables.sources) {
      const started = await Instance.open(classes, sources, { ...database.broken, ...store.options() }).catch(String);
      if (typeof started === 'string') return { finding: { kind: 'no-start', error: started }, tally: emptyTally() };
      instances.push(started);
      open.push(started);
    }
    const names = new Map([...classes.byName].map(([name, one]) => [one, name] as const));
    return await new Run(program, instances as [Instance, Instance], names).run();
  } finally {
    for (const one of open.reverse()) await one.close();
    classes.forget();
  }
}

function emptyTally(): Tally {
  return {
    ...{ hits: 0, writes: 0, rejectedWrites: 0, kept: 0, outdated: 0, lostNeedlessly: 0, refusedOnce: 0 },
    ...{ unreadable: [], neverCached: [], happened: new Set<string>() },
  };
}

class Run {
  private readonly tally = emptyTally();
  /** What each cached read gave last. */
  private readonly known = new Map<Read, string>();

  constructor(
    private readonly program: Program,
    private readonly instances: readonly [Instance, Instance],
    private readonly names: ReadonlyMap<unknown, string>,
  ) {}

  async run(): Promise<Result> {
    await this.warmUp();
    for (const [after, write] of this.program.writes.entries()) {
      try {
        await runWrite(write, this.instances[write.by]);
        this.tally.writes++;
        for (const step of write.steps) this.tally.happened.add(step.do);
      } catch {
        this.tally.rejectedWrites++;
      }
      for (const read of this.known.keys()) {
        const finding = await this.compare(read, after);
        if (finding !== undefined) return { finding, tally: this.tally };
      }
    }
    return { tally: this.tally };
  }

  private async warmUp(): Promise<void> {
    const [first, second] = this.instances;
    for (const read of this.program.reads) {
      const fresh = await this.fresh(read);
      if (fresh === undefined) continue;
      await first.cached(read);
      const { outcome } = await second.cached(read);
      if (outcome === 'HIT') this.known.set(read, fresh);
      else this.tally.neverCached.push(read);
    }
  }

  private async compare(read: Read, after: number): Promise<WrongAnswer | undefined> {
    const fresh = await this.fresh(read);
    if (fresh === undefined) {
      this.known.delete(read);
      return undefined;
    }
    const first = (after % 2) as 0 | 1;
    const order = [first, (1 - first) as 0 | 1] as const;
    for (const instance of order) {
      const { value, outcome } = await this.instances[instance].cached(read);
      const cached = this.text(value);
      const finding = { read, after, instance, outcome, cached, fresh };
      if (cached !== fresh) return { kind: 'stale', ...finding };
      if (instance === first) this.count(read, outcome, fresh === this.known.get(read));
      else if (outcome === 'HIT') this.tally.hits++;
      else if (await this.isRefusedAgain(read)) return { kind: 'not-stored', ...finding };
    }
    this.known.set(read, fresh);
    return undefined;
  }

  /** Undefined where TypeORM cannot do it: some reads fail from the beginning, others when there are rows to relate. */
  private async fresh(read: Read): Promise<string | undefined> {
    try {
      return this.text(await this.instances[0].fresh(read));
    } catch {
      this.tally.unreadable.push(read);
      return undefined;
    }
  }

  private count({ gives }: Read, outcome: string, isSame: boolean): void {
    if (outcome === 'HIT') this.tally.kept++;
    else if (isSame) this.tally.lostNeedlessly++;
    else this.tally.outdated++;
    if (!isSame) this.tally.happened.add(`outdated: ${gives}`);
  }

  /** A load that began in the very millisecond of the write may be refused; the next one may not. */
  private async isRefusedAgain(read: Read): Promise<boolean> {
    const [first, second] = this.instances;
    await first.cached(read);
    const { outcome } = await second.cached(read);
    if (outcome === 'HIT') this.tally.refusedOnce++;
    return outcome !== 'HIT';
  }

  private text(value: unknown): string {
    return textOf(value, this.names);
  }
}
