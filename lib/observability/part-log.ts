import type { Clock } from '../core/clock.js';
import type { LogSink } from './log-observer.js';

/**
 * The lines about one part that can be down: one when it goes down, one when it is back, with how long that took and how much failed. A part that comes and goes gets these two lines once an interval:
 *   1. it is down, a line; 2. it is back, a line; 3. it is down again within the interval: no line yet; 4. it is still down, or once more, when the interval is over: a line, which tells what was left out.
 * So the last line is never one interval older than the truth.
 */
export class PartLog {
  private downSince: number | undefined;
  private failures = 0;
  private told = false;
  private toldAt: number | undefined;
  private untold = 0;

  /** @param what fails: `commands` */
  constructor(
    private readonly what: string,
    private readonly logger: LogSink,
    private readonly clock: Clock,
    private readonly intervalMs: number,
  ) {}

  /** It has failed once more. */
  failed(message: () => string): void {
    this.failures++;
    this.isDown(message);
  }

  /** It is known to be down, though nothing has failed. */
  isDown(message: () => string): void {
    const now = this.clock.elapsedMs();
    if (this.downSince === undefined) {
      this.downSince = now;
      this.untold++;
    }
    if (this.told || (this.toldAt !== undefined && now - this.toldAt < this.intervalMs)) return;
    const leftOut = this.untold - 1;
    this.logger.warn(
      leftOut === 0 ? message() : `${message()} (${String(leftOut)} more of this kind since the last line)`,
    );
    this.told = true;
    this.toldAt = now;
    this.untold = 0;
  }

  /** It has answered. This runs at every hit, and ends at once nearly always. */
  answered(message: string): void {
    if (this.downSince === undefined) return;
    if (this.told) {
      const after = `${message} after ${duration(this.clock.elapsedMs() - this.downSince)}`;
      this.logger.log(this.failures === 0 ? `${after}.` : `${after}; failed ${this.what}: ${String(this.failures)}.`);
    }
    this.downSince = undefined;
    this.failures = 0;
    this.told = false;
  }
}

function duration(ms: number): string {
  if (ms < 1_000) return `${String(Math.round(ms))} ms`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${String(Math.round(ms / 60_000))} min`;
}
