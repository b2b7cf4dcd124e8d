import type { CacheEvent } from '../../core/cache-event.js';
import type { Clock } from '../../core/clock.js';
import type { LeftRow } from './outbox-row.js';
import type { Taking } from './outbox-table.js';

const LONGEST_PAUSE_MS = 30_000;

export interface OutboxDrainParts {
  readonly take: (taking: Taking, announce: (rows: readonly LeftRow[]) => Promise<void>) => Promise<number>;
  /** Rejects when it could not be done. */
  readonly announce: (rows: readonly LeftRow[]) => Promise<void>;
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly batchSize: number;
  readonly olderThanMs: number;
  readonly report: (event: CacheEvent) => void;
}

/** Looks again and again whether rows were left in one outbox, and announces them. One look at a time, so a database that hangs has one of them to bear. */
export class OutboxDrain {
  private cancel: (() => void) | undefined;
  private draining: Promise<void> | undefined;
  private failures = 0;
  private stopped = false;

  constructor(private readonly parts: OutboxDrainParts) {}

  start(): void {
    if (this.cancel === undefined && this.draining === undefined) this.plan();
  }

  /** Resolves when the look that is under way has ended; there is no other after it. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.cancel?.();
    await this.draining;
  }

  /** At a time of its own, lest all instances of a deployment look at once; and less often while it fails. */
  private plan(): void {
    if (this.stopped) return;
    const { clock, intervalMs } = this.parts;
    const pauseMs = Math.min(intervalMs * 2 ** this.failures, Math.max(intervalMs, LONGEST_PAUSE_MS));
    this.cancel = clock.after(pauseMs * (0.75 + clock.random() / 2), () => {
      this.cancel = undefined;
      this.draining = this.drain().finally(() => {
        this.draining = undefined;
        this.plan();
      });
    });
  }

  private async drain(): Promise<void> {
    const { batchSize, report, take, olderThanMs } = this.parts;
    // Rows may be large: what cannot be announced in one go is tried in smaller ones.
    const atMost = Math.max(1, Math.floor(batchSize / 2 ** this.failures));
    try {
      for (let rows = atMost; rows === atMost && !this.stopped;) {
        rows = await take({ atMost, olderThanMs }, this.parts.announce);
        if (rows > 0) report({ type: 'outbox-drained', rows });
      }
      this.failures = 0;
    } catch (error) {
      this.failures = Math.min(this.failures + 1, 20);
      report({ type: 'outbox-failing', error });
    }
  }
}
