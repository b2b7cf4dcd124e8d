import type { CacheEvent } from '../core/cache-event.js';
import { withDeadline, type Clock } from '../core/clock.js';
import { StoreUnavailableError } from '../core/errors.js';
import type { TagChange } from '../core/tagging.js';

/** More than this waits for no store: when it is back, everything is forgotten instead. */
const MAX_WAITING = 10_000;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

export interface AnnouncerParts {
  readonly announce: (changes: readonly TagChange[]) => Promise<void>;
  readonly clear: () => Promise<void>;
  readonly clock: Clock;
  /** How long whoever wrote waits for the announcement. */
  readonly timeoutMs: number;
  readonly report: (event: CacheEvent) => void;
}

/**
 * Announces committed changes. What cannot be announced is repeated until it is, as long as the process lives: in memory that is bounded, since what would be too much becomes "everything", and
 * the namespace is cleared.
 */
export class Announcer {
  private readonly waiting = new Map<string, TagChange>();
  private everythingWaits = false;
  private retryMs = FIRST_RETRY_MS;
  private cancelRetry: (() => void) | undefined;
  private retrying: Promise<void> | undefined;
  private closed = false;

  constructor(private readonly parts: AnnouncerParts) {}

  /**
   * Resolves with true when it is announced, with false when that has failed and it is kept for later. Never rejects: the change is committed, whatever becomes of its announcement.
   */
  async announce(changes: readonly TagChange[]): Promise<boolean> {
    if (changes.length === 0) return true;
    try {
      await this.inTime(this.parts.announce(changes));
      return true;
    } catch (error) {
      this.keep(changes, error);
      return false;
    }
  }

  /** One last attempt at what waits. */
  async close(): Promise<void> {
    this.closed = true;
    this.cancelRetry?.();
    await this.retrying;
    if (this.isEmpty) return;
    await this.inTime(this.makeUp()).catch((error: unknown) => {
      this.parts.report({ type: 'announcement-lost', tags: this.waiting.size, error });
    });
  }

  private get isEmpty(): boolean {
    return this.waiting.size === 0 && !this.everythingWaits;
  }

  private keep(changes: readonly TagChange[], error: unknown): void {
    for (const change of changes) this.waiting.set(change.tag, change);
    if (this.waiting.size > MAX_WAITING) {
      this.everythingWaits = true;
      this.waiting.clear();
    }
    this.parts.report({ type: 'announcement-failed', tags: changes.length, error });
    this.retryLater();
  }

  private retryLater(): void {
    if (this.closed || this.isEmpty || this.cancelRetry !== undefined || this.retrying !== undefined) return;
    this.cancelRetry = this.parts.clock.after(this.retryMs, () => {
      this.cancelRetry = undefined;
      this.retrying = this.retry().finally(() => {
        this.retrying = undefined;
        this.retryLater();
      });
    });
    this.retryMs = Math.min(2 * this.retryMs, LONGEST_RETRY_MS);
  }

  private async retry(): Promise<void> {
    try {
      await this.makeUp();
      this.retryMs = FIRST_RETRY_MS;
    } catch {
      // reported by the store; the next attempt is set up by whoever called
    }
  }

  /** What is added meanwhile waits for the next attempt. */
  private async makeUp(): Promise<void> {
    if (this.everythingWaits) {
      await this.parts.clear();
      this.everythingWaits = false;
    }
    const changes = [...this.waiting.values()];
    if (changes.length > 0) await this.parts.announce(changes);
    for (const change of changes) if (this.waiting.get(change.tag) === change) this.waiting.delete(change.tag);
    this.parts.report({ type: 'announcement-made-up', tags: changes.length });
  }

  private inTime(work: Promise<void>): Promise<void> {
    const { clock, timeoutMs } = this.parts;
    const tooLate = (): Error =>
      new StoreUnavailableError(`The announcement was not made within announceTimeoutMs = ${String(timeoutMs)}`);
    return withDeadline(clock, work, timeoutMs, tooLate);
  }
}
