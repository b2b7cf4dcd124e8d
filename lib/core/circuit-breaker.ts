/**
 * Whether a server is asked. `closed`: yes; `open`: no, it has failed several times in a row; `half-open`: a probe is under way, and nobody else asks.
 */
export type BreakerState = 'closed' | 'open' | 'half-open';

/** What a breaker has to know of the server that it stands before. */
export interface BreakerDuties {
  /** True for an error that says the server is away. Every other error is an answer, so the server is there. */
  readonly isOutage: (error: unknown) => boolean;
  /** True while the connection itself says that it is down: then one failure is enough. */
  readonly isKnownDown?: () => boolean;
  /** Asks the server for something that costs it little. Must settle within a deadline: one that hangs would keep the breaker from closing. */
  readonly probe: () => Promise<unknown>;
  readonly onChange: (state: BreakerState, previous: BreakerState) => void;
}

/**
 * Port to a circuit breaker: after several failures in a row nobody pays a deadline any more, until a probe has shown that the server is back. Probes are made in the background, one at a
 * time, so that no caller pays for them either.
 */
export abstract class CircuitBreaker {
  abstract readonly state: BreakerState;

  /** Makes the call while it is closed. Undefined: the call was not made. */
  abstract run<T>(call: () => Promise<T>): Promise<T> | undefined;

  /** The connection itself says that the server is back: if it is open, the next probe is made at once. */
  abstract hurry(): void;

  /** Makes no further probe. */
  abstract stop(): void;
}

export type BreakerFactory = (duties: BreakerDuties) => CircuitBreaker;

class NoBreaker extends CircuitBreaker {
  readonly state = 'closed';

  run<T>(call: () => Promise<T>): Promise<T> {
    return call();
  }

  hurry(): void {
    // there is nothing to wait for
  }

  stop(): void {
    // there is nothing to stop
  }
}

/** One that never opens: every call is made. */
export const noBreaker: BreakerFactory = () => new NoBreaker();

/** No key is encoded to this: whatever lies under it, nobody else asks for it. */
export const PROBE_KEY = '~probe';
