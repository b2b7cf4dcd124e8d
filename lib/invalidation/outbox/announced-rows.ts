import type { Clock } from '../../core/clock.js';

/** So long rows are gathered that will be removed together: a statement for each would cost every write a second one. */
const GATHER_MS = 100;
const AT_ONCE = 500;
/** Where the database takes no more, the rest is left to be drained: announced twice, which does no harm. */
const MAX_GATHERED = 10_000;

/** Rows whose changes their own writer has announced: they are removed in the background. */
export class AnnouncedRows {
  private readonly ids = new Set<string>();
  private cancel: (() => void) | undefined;
  private removing: Promise<void> | undefined;
  private gathers = true;

  constructor(
    private readonly clock: Clock,
    /** May reject. */
    private readonly remove: (ids: readonly string[]) => Promise<void>,
  ) {}

  add(id: string): void {
    if (this.ids.size < MAX_GATHERED) this.ids.add(id);
    if (!this.gathers) return this.removeNow();
    this.cancel ??= this.clock.after(GATHER_MS, () => {
      this.removeNow();
    });
  }

  /** From now on no timer is set: what comes is removed at once. */
  stopGathering(): void {
    this.gathers = false;
    this.removeNow();
  }

  /** Resolves when everything was tried. */
  async settled(): Promise<void> {
    while (this.removing !== undefined) await this.removing;
  }

  private removeNow(): void {
    this.cancel?.();
    this.cancel = undefined;
    if (this.removing !== undefined || this.ids.size === 0) return;
    this.removing = this.removeAll().finally(() => {
      this.removing = undefined;
    });
  }

  private async removeAll(): Promise<void> {
    while (this.ids.size > 0) {
      const some = [...this.ids].slice(0, AT_ONCE);
      for (const id of some) this.ids.delete(id);
      await this.remove(some).catch(() => undefined); // whoever drains finds them
    }
  }
}
