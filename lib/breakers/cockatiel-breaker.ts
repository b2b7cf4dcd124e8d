import { circuitBreaker, CircuitState, ConsecutiveBreaker, handleWhen, type CircuitBreakerPolicy } from 'cockatiel';
import { CircuitBreaker, type BreakerDuties, type BreakerFactory, type BreakerState } from '../core/circuit-breaker.js';
import type { Clock } from '../core/clock.js';

export interface BreakerSettings {
  /** So many failures in a row open it. */
  readonly failures: number;
  /** From its opening, or from the end of a probe that failed, to the next probe. Milliseconds. */
  readonly probeAfterMs: number;
}

const STATES: Readonly<Record<CircuitState, BreakerState>> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.Open]: 'open',
  [CircuitState.HalfOpen]: 'half-open',
  [CircuitState.Isolated]: 'open',
};

/** When to probe is decided by our own clock: the package reads the wall clock, and one that is set back by an hour would keep it open for that hour. */
const AT_ONCE = { duration: -Infinity, next: () => AT_ONCE };

/** The breaker of cockatiel, on a clock that can't be set. */
export class CockatielBreaker extends CircuitBreaker {
  private readonly policy: CircuitBreakerPolicy;
  private current: BreakerState = 'closed';
  private cancelProbe: (() => void) | undefined;
  private stopped = false;

  constructor(
    private readonly clock: Clock,
    private readonly settings: BreakerSettings,
    private readonly duties: BreakerDuties,
  ) {
    super();
    const isOpen = (): boolean => this.current !== 'closed';
    const inARow = new FailuresInARow(settings.failures, isOpen, duties.isKnownDown ?? (() => false));
    const isOutage = (error: unknown): boolean => {
      if (duties.isOutage(error)) return true;
      inARow.success(); // an answer, though not the one that was hoped for
      return false;
    };
    this.policy = circuitBreaker(handleWhen(isOutage), { breaker: inARow, halfOpenAfter: AT_ONCE });
    this.policy.onStateChange((state) => {
      this.moveTo(STATES[state]);
    });
  }

  get state(): BreakerState {
    return this.current;
  }

  run<T>(call: () => Promise<T>): Promise<T> | undefined {
    return this.current === 'closed' ? this.policy.execute(call) : undefined;
  }

  hurry(): void {
    if (this.current !== 'open' || this.stopped) return;
    this.cancelProbe?.();
    this.probe();
  }

  stop(): void {
    this.stopped = true;
    this.cancelProbe?.();
  }

  private moveTo(state: BreakerState): void {
    const previous = this.current;
    this.current = state;
    if (state === 'open' && !this.stopped) {
      this.cancelProbe = this.clock.after(this.settings.probeAfterMs, () => {
        this.probe();
      });
    }
    this.duties.onChange(state, previous);
  }

  private probe(): void {
    this.policy.execute(this.duties.probe).catch(() => undefined); // its failure is the next change of state
  }
}

/**
 * Calls that were made before the breaker opened may fail long after. They say nothing new:
 * 1. a hundred calls are under way, and the first five to fail open the breaker; 2. a probe is sent, and the server answers again; 3. the sixth of the hundred fails, and would open it
 * anew, so that the probe's success, which comes next, closes nothing.
 */
class FailuresInARow extends ConsecutiveBreaker {
  constructor(
    failures: number,
    private readonly isOpen: () => boolean,
    private readonly isKnownDown: () => boolean,
  ) {
    super(failures);
  }

  override failure(): boolean {
    return !this.isOpen() && (super.failure() || this.isKnownDown());
  }
}

/** A breaker for each server that is asked for one. */
export function cockatielBreakers(clock: Clock, settings: BreakerSettings): BreakerFactory {
  return (duties) => new CockatielBreaker(clock, settings, duties);
}
