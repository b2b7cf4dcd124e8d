import { setTimeout as rest } from 'node:timers/promises';
import type { Fleet } from './fleet.js';
import type { WorkerReport } from './worker/protocol.js';

const ASK_EVERY_MS = 100;
/** So many tries in a row must go well. */
const STREAK = 5;

/** Gathers what the workers report, and tells from their canaries when all is well. */
export class Recovery {
  /** By worker. */
  readonly reports = new Map<string, WorkerReport>();

  constructor(private readonly fleet: Fleet) {}

  /** What was reported so far is of no interest. */
  forget(): void {
    this.reports.clear();
  }

  async look(): Promise<void> {
    for (const [name, report] of await this.fleet.reports()) {
      const before = this.reports.get(name);
      this.reports.set(name, before === undefined ? report : joined(before, report));
    }
  }

  /** Resolves when every worker has gone on well for a while since then, or the time is over. */
  async until(since: number, withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    do {
      await rest(ASK_EVERY_MS);
      await this.look();
    } while (!this.wellSince(since) && performance.now() < deadline);
  }

  wellSince(moment: number): boolean {
    return this.fleet.alive.every(({ name }) => {
      const canaries = this.reports.get(name)?.canaries ?? [];
      const last = canaries.filter(({ began }) => began >= moment).slice(-STREAK);
      return last.length === STREAK && last.every(({ healthy }) => healthy);
    });
  }

  /** Until the last worker had its first success that no failure came after. Undefined: one has had none. */
  recoveredAfter(moment: number): number | undefined {
    const each = this.fleet.alive.map(({ name }) => {
      const canaries = (this.reports.get(name)?.canaries ?? []).filter(({ began }) => began >= moment);
      const lastBad = canaries.findLast(({ healthy }) => !healthy)?.began ?? 0;
      return (canaries.find(({ healthy, began }) => healthy && began > lastBad)?.ended ?? Infinity) - moment;
    });
    const last = Math.max(...each);
    return last === Infinity ? undefined : last;
  }
}

function joined(a: WorkerReport, b: WorkerReport): WorkerReport {
  const events = { ...a.events };
  for (const [type, times] of Object.entries(b.events)) events[type] = (events[type] ?? 0) + times;
  return {
    events,
    canaries: [...a.canaries, ...b.canaries],
    lagMs: Math.max(a.lagMs, b.lagMs),
    slowestLoadMs: Math.max(a.slowestLoadMs, b.slowestLoadMs),
    loadsAtOnce: Math.max(a.loadsAtOnce, b.loadsAtOnce),
    unhandled: [...a.unhandled, ...b.unhandled],
    cutOff: a.cutOff + b.cutOff,
    resources: b.resources,
  };
}
